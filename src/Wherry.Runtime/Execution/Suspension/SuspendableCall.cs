using Wherry.Hosting;
using Wherry.Types;

namespace Wherry.Execution.Suspension;

/// <summary>
/// A call of a guest's function that gives its thread back while it waits. <see cref="Run"/> runs it until it ends or waits; once what it waits for is there, any thread may run it on. The stack
/// of that thread must have room for the frames that were left.
/// </summary>
internal sealed class SuspendableCall
{
    private readonly Function _function;
    private readonly Store _store;
    private readonly object?[] _arguments;
    private readonly object?[] _results;
    private DefinedType? _resumedType;
    private Task? _waitsFor;

    /// <exception cref="ArgumentException">The arguments are not of the parameters' number.</exception>
    public SuspendableCall(Function function, params object?[] arguments)
    {
        _function = function;
        _store = function.Store;
        _arguments = arguments;
        _results = new object?[function.Type.Results.Length];
        if (arguments.Length != function.Type.Parameters.Length)
        {
            throw new ArgumentException($"The function takes {function.Type.Parameters.Length} arguments, not {arguments.Length}: its signature is {function.Type}.", nameof(arguments));
        }
    }

    /// <summary>The results, once it has ended.</summary>
    public object?[] Results => _results;

    /// <summary>What it waits for.</summary>
    public Task? WaitsFor => _waitsFor;

    /// <summary>How often it has waited without a thread.</summary>
    public long WaitCount { get; private set; }

    /// <summary>Runs it until it ends or waits.</summary>
    /// <returns>Whether it has ended. If not, it is to be run again when <see cref="WaitsFor"/> is completed.</returns>
    /// <exception cref="TrapException">The guest trapped.</exception>
    public bool Run()
    {
        bool isResumed = _waitsFor is not null;
        if (_store.Suspension is not { } suspension)
        {
            GuestDelegates.CreateBoxed(_function)(_arguments, _results);
            return true;
        }

        _store.EnterSuspendable(isResumed);
        bool isSuspended = false;
        bool failed = true;
        try
        {
            Function entry = isResumed ? GetOutermost(suspension) : GetEntry();
            if (isResumed)
            {
                suspension.BeginRewinding();
            }

            GuestDelegates.CreateBoxed(entry)(isResumed ? [] : _arguments, _results);
            failed = false;
        }
        finally
        {
            Task? task = suspension.Task;
            isSuspended = _store.ExitSuspendable(failed);
            _waitsFor = isSuspended ? task : null;
        }

        WaitCount += isSuspended ? 1 : 0;
        return !isSuspended;
    }

    /// <summary>The function as one that can be left. If it can't, it is counted, and the call keeps its thread.</summary>
    private Function GetEntry()
    {
        Function function = UnresolvedFunction.Resolve(_function);
        if (function.Target is not GuestInstance instance || function.Index < 0 || instance.Code.Suspension is not { } code)
        {
            _store.KeepThread();
            return function;
        }

        if (!code.TryAdd(function.Index))
        {
            instance.SuspensionBlocks++;
            return function;
        }

        instance.Suspension.Trial ??= code.TryBeginTrial();
        return new Function(function.DefinedType, code.CodeOf(function.Index), instance);
    }

    /// <summary>The function that was left last, as one without parameters.</summary>
    private Function GetOutermost(GuestSuspension suspension) =>
        new(_resumedType ??= TypeRegistry.Intern(new FunctionType([], _function.Type.Results)), suspension.NextCode, suspension.NextTarget);
}
