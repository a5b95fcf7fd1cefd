using Wherry.Compilation;
using Wherry.Hosting;

namespace Wherry.Execution.Suspension;

/// <summary>What functions call that are being left or entered again.</summary>
internal static unsafe class SuspensionInstructions
{
    public static byte* Save(GuestInstance instance, int function, int point, int numbers, int references) =>
        instance.Suspension.Save(instance, function, point, numbers, references);

    public static void SaveReference(object? value, GuestInstance instance, int index) => instance.Suspension.SaveReference(value, index);

    /// <summary>Entered again, a function has a frame on what may be another stack.</summary>
    /// <exception cref="GuestTrapException">That stack is smaller.</exception>
    public static byte* Restore(GuestInstance instance)
    {
        if (StackBounds.Current < instance.Store.StackLimit)
        {
            throw new GuestTrapException(TrapKind.StackExhausted);
        }

        return instance.Suspension.Restore();
    }

    public static int GetPoint(GuestInstance instance) => instance.Suspension.Point;

    public static object? RestoreReference(GuestInstance instance, int index) => instance.Suspension.RestoreReference(index);

    public static object NextTarget(GuestInstance instance) => instance.Suspension.NextTarget;

    public static nint NextCode(GuestInstance instance) => instance.Suspension.NextCode;

    /// <summary>The code to call for a function of the module, from one that can be left. If what is called can't, it is counted.</summary>
    public static nint EnterFunction(GuestInstance instance, int function)
    {
        nint code = instance.Code.Suspension!.Enter(function, instance.Suspension.Trial, out bool keepsThread);
        instance.SuspensionBlocks += keepsThread ? 1 : 0;
        return code;
    }

    /// <summary>The same for any function. The function becomes one that goes straight to its code.</summary>
    public static nint Enter(GuestInstance instance, ref Function function)
    {
        function = UnresolvedFunction.Resolve(function);
        if (function.Index >= 0)
        {
            CompiledModule module = function.Target is GuestInstance other ? other.Code : instance.Code;
            if (module.Suspension is { } suspension)
            {
                nint code = suspension.Enter(function.Index, instance.Suspension.Trial, out bool keepsThread);
                instance.SuspensionBlocks += keepsThread ? 1 : 0;
                return code;
            }
        }
        else if (function.Target is null or HostFunction)
        {
            // What a pool gives for an import calls a host function too, and adds nothing.
            return function.Code;
        }

        instance.SuspensionBlocks++;
        return function.Code;
    }

    /// <summary>A wait of the guest's own, for tests.</summary>
    public static void Wait(GuestInstance instance)
    {
        if (instance.Suspension.IsDue && instance.Store.CanSuspend)
        {
            instance.Suspension.Begin(null, Task.CompletedTask);
        }
    }

    /// <summary>Called by stubs.</summary>
    public static nint NextFunctionCode(object instance) => ((GuestInstance)instance).Suspension.NextFunctionCode;
}
