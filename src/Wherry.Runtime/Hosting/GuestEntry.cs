using System.Runtime.CompilerServices;
using Wherry.Execution;

namespace Wherry.Hosting;

/// <summary>What a delegate to a guest's function is closed over. The emitted adapters use its members.</summary>
internal sealed class GuestEntry(Function function)
{
    // Adapters read these three.
    public readonly Function Function = function;

    public readonly object Target = function.Target;

    public readonly nint Code = function.Code;

    private readonly Store _store = function.Store;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryEnter(out EntryBias bias, out Entered entered) => _store.TryEnter(out bias, out entered);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void EnterUnbiased() => _store.EnterUnbiased();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Exit(EntryBias bias, Entered entered)
    {
        if (entered != Entered.Outermost || !bias.ExitOutermost())
        {
            _store.Exit(bias, entered);
        }
    }

    /// <summary>What the exception stands for, mostly a trap, or null if it passes unchanged.</summary>
    public Exception? Translate(Exception exception) => _store.Translate(exception);

    /// <summary>The same, as it is thrown when the guest's stack is gone.</summary>
    public Exception Complete(Exception translated)
    {
        Exception completed = TrapTranslator.Complete(translated);

        // Whose frames they are is found through the module, as long as that is not collected.
        GC.KeepAlive(this);
        return completed;
    }

    /// <summary>Calls a function without parameters and results, as an emitted adapter would.</summary>
    public unsafe void Call(object?[] arguments, object?[] results)
    {
        Exception? trap = null;
        Entered entered = _store.Enter(out EntryBias bias);
        try
        {
            // Sound: this is the type of the code of such functions.
            ((delegate*<object, void>)Function.Code)(Function.Target);
        }
        catch (Exception exception) when ((trap = Translate(exception)) is not null)
        {
            // Thrown below, where the stack of the guest is gone.
        }
        finally
        {
            Exit(bias, entered);
        }

        if (trap is not null)
        {
            throw Complete(trap);
        }
    }

    /// <exception cref="ArgumentException">A guest would take the reference for something that it is not.</exception>
    public object? CheckParameter(object? value, int index)
    {
        HostValue.Check(value, Function.Type.Parameters[index], _store, $"argument {index + 1}");
        return value;
    }

    public object? ConvertParameter(object?[] arguments, int index) =>
        HostValue.Convert(arguments[index], Function.Type.Parameters[index], _store, $"argument {index + 1}");
}
