using System.Runtime.CompilerServices;

namespace Wherry.Execution;

/// <summary>What compiled code calls to throw and to look into exceptions (specification, 4.6.13).</summary>
internal static class ExceptionInstructions
{
    public static WasmException Create(GuestInstance instance, int tag, int count) => new(instance.Tags[tag], new ExceptionPayload(count));

    /// <summary>The place of a number among the values.</summary>
    public static ref T Number<T>(WasmException exception, int index) => ref exception.Payload.Number<T>(index);

    /// <summary>The place of a reference among the values.</summary>
    public static ref object? Reference(WasmException exception, int index) => ref exception.Payload.Reference(index);

    /// <summary>Whether a handler for a tag catches it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasTag(WasmException exception, GuestInstance instance, int tag) => ReferenceEquals(exception.Tag, instance.Tags[tag]);

    /// <summary>Throws what a function returned that returns exceptions, for a caller that does not look for them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ThrowPending(GuestInstance instance)
    {
        if (instance.PendingException.Value is not null)
        {
            TakeAndThrow(instance.PendingException);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void TakeAndThrow(PendingException pending)
    {
        WasmException exception = pending.Value!;
        pending.Value = null;
        throw exception;
    }

    /// <summary><c>throw_ref</c>: the exception to throw again.</summary>
    public static WasmException NonNull(object? reference) =>
        reference is null ? throw new GuestTrapException(TrapKind.NullReference, "null exception reference") : Unsafe.As<WasmException>(reference);
}
