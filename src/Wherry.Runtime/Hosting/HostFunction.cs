using System.Runtime.CompilerServices;
using Wherry.Execution;
using Wherry.Execution.Suspension;

namespace Wherry.Hosting;

/// <summary>A host function as guests call it: the last argument of its adapter.</summary>
internal sealed class HostFunction(HostAdapter adapter, object callee, FunctionType type, Store store, Instance? instance)
{
    /// <summary>What the adapter calls: for an emitted one a delegate of its type, else the object whose method it knows.</summary>
    public readonly object Callee = callee;

    /// <summary>Keeps the adapter's code.</summary>
    public HostAdapter Adapter { get; } = adapter;

    public Store Store { get; } = store;

    public Caller Caller => new(Store, instance);

    public CancellationToken InterruptionToken => Store.InterruptionToken;

    /// <exception cref="InvalidCastException">The host function returned a reference that is not of its type, as the guest sees it.</exception>
    public object? CheckResult(object? value, int index)
    {
        WasmValueType result = type.Results[index];
        return HostValue.IsOfType(value, result) && HostValue.IsOfStore(value, result, Store) ? value
            : throw new InvalidCastException($"The host function returned {(value is null ? "null" : $"an object of type {value.GetType().Name}")} where the guest expects {result}.");
    }

    /// <summary>Leaves the guest, if the task is not completed and the guest can be left. What the adapter returns then is not looked at.</summary>
    public static bool TrySuspend(HostFunction function, ValueTask task)
    {
        if (task.IsCompleted || !CanSuspend(function.Store))
        {
            return false;
        }

        function.Store.Suspension!.Begin(function, task.AsTask());
        return true;
    }

    /// <summary>The same for a task with a result.</summary>
    public static bool TrySuspendForResult<T>(HostFunction function, ValueTask<T> task)
    {
        if (task.IsCompleted || !CanSuspend(function.Store))
        {
            return false;
        }

        function.Store.Suspension!.Begin(function, task.AsTask());
        return true;
    }

    /// <summary>Ends a call that an adapter made: with the task's result if there is one, else by leaving the guest or waiting.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Complete(HostFunction function, ValueTask<int> task) => task.IsCompletedSuccessfully ? task.Result : CompleteLater(function, task);

    /// <summary>What takes the place of the call of such an adapter once the task is completed.</summary>
    public static int ResumeForInt(object target) => ResumeForResult<int>(Unsafe.As<HostFunction>(target));

    /// <summary>The guest is where it was when it was left: its call ends as the task did.</summary>
    public static void Resume(HostFunction function) => function.Store.Suspension!.End().GetAwaiter().GetResult();

    /// <summary>The same for a task with a result.</summary>
    public static T ResumeForResult<T>(HostFunction function) => ((Task<T>)function.Store.Suspension!.End()).GetAwaiter().GetResult();

    // The guest's thread waits. The task heeds the store's interruption if the host function was given the token.
    public static void Wait(ValueTask task)
    {
        if (task.IsCompletedSuccessfully)
        {
            task.GetAwaiter().GetResult();
        }
        else
        {
            Block(task.AsTask()).GetAwaiter().GetResult();
        }
    }

    public static T WaitForResult<T>(ValueTask<T> task) => task.IsCompletedSuccessfully ? task.Result : Block(task.AsTask()).GetAwaiter().GetResult();

    private static int CompleteLater(HostFunction function, ValueTask<int> task) => TrySuspendForResult(function, task) ? 0 : WaitForResult(task);

    private static bool CanSuspend(Store store) => store.CanSuspend || store.LearnsWait();

    /// <summary>A thread that runs guests by turns is told that this one keeps it.</summary>
    private static T Block<T>(T task)
        where T : Task
    {
        if (GuestThread.Current is { } thread && !task.IsCompleted)
        {
            thread.BeginBlocking();
            try
            {
                ((IAsyncResult)task).AsyncWaitHandle.WaitOne();
            }
            finally
            {
                thread.EndBlocking();
            }
        }

        return task;
    }
}
