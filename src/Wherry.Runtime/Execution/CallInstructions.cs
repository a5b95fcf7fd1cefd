using System.Runtime.CompilerServices;
using Wherry.Types;

namespace Wherry.Execution;

/// <summary>What compiled code calls around calls.</summary>
internal static unsafe class CallInstructions
{
    public static Function GetFunction(GuestInstance instance, int index) => instance.GetReference(index);

    /// <summary>An indirect call found null or a function of another type.</summary>
    /// <param name="place">The offset of the call in the module.</param>
    public static Exception TypeMismatch(Function? function, GuestInstance instance, int type, int place) => function is null
        ? new GuestTrapException(TrapKind.UninitializedElement) { Place = place }
        : new GuestTrapException(
            TrapKind.IndirectCallTypeMismatch,
            $"indirect call type mismatch: the function is {function.Type}, the call wants {instance.Code.Definition.Types[type].Function}")
        { Place = place };

    /// <summary>An indirect call found null or a function of another type, which may be a subtype.</summary>
    public static void CheckSubtype(Function? function, GuestInstance instance, int type, int place)
    {
        DefinedType wanted = instance.Code.Definition.Types[type];
        if (function is null || !function.DefinedType.IsSubtypeOf(wanted))
        {
            throw TypeMismatch(function, instance, type, place);
        }
    }

    /// <summary>Compiles a large function before it is called.</summary>
    public static void PrepareLarge(GuestInstance instance, int function)
    {
        if (instance.Meter is { } meter)
        {
            meter.Owed = 0;
        }

        instance.Code.PrepareLarge(function, () => Safepoint(instance));
    }

    /// <summary>Whether the store was interrupted: that raises the stack limit beyond all addresses.</summary>
    public static bool IsInterrupted(GuestInstance instance) => Volatile.Read(ref instance.StackLimit) == nint.MaxValue;

    /// <summary>Ends the guest if it was interrupted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Safepoint(GuestInstance instance)
    {
        if (IsInterrupted(instance))
        {
            instance.Store.ThrowIfInterrupted();
        }
    }
}
