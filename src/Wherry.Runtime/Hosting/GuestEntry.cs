using System.Diagnostics;
using System.Runtime.CompilerServices;
using Wherry.Execution;

namespace Wherry.Hosting;

/// <summary>What a delegate to a guest's function is closed over. The emitted adapters use its members.</summary>
internal sealed class GuestEntry(Function function)
{
    // Adapters read it.
    public readonly Function Function = function;

    private readonly Store _store = function.Store;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter() => _store.Enter();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Exit() => _store.Exit();

    /// <summary>Throws the trap that the exception stands for, if it does; else the adapter throws it on.</summary>
    [StackTraceHidden]
    public void ThrowTrap(Exception exception)
    {
        if (_store.Translate(exception) is TrapException trap)
        {
            throw trap;
        }
    }

    /// <exception cref="ArgumentException">A guest would take the reference for something that it is not.</exception>
    public object? CheckParameter(object? value, int index)
    {
        HostValue.Check(value, Function.Type.Parameters[index], $"argument {index + 1}");
        return value;
    }

    public object? ConvertParameter(object?[] arguments, int index) =>
        HostValue.Convert(arguments[index], Function.Type.Parameters[index], $"argument {index + 1}");
}
