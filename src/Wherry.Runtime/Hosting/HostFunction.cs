using Wherry.Execution;

namespace Wherry.Hosting;

/// <summary>A host function as guests call it: the last argument of its adapter.</summary>
internal sealed class HostFunction(HostAdapter adapter, Delegate function, FunctionType type, Store store, Instance? instance)
{
    // The emitted adapter reads it.
    public readonly Delegate Delegate = function;

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

    // The guest's thread waits. The task heeds the store's interruption if the host function was given the token.
    public static void Wait(ValueTask task)
    {
        if (task.IsCompletedSuccessfully)
        {
            task.GetAwaiter().GetResult();
        }
        else
        {
            task.AsTask().GetAwaiter().GetResult();
        }
    }

    public static T WaitForResult<T>(ValueTask<T> task) => task.IsCompletedSuccessfully ? task.Result : task.AsTask().GetAwaiter().GetResult();
}
