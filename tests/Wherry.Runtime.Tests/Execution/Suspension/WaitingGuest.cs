using Wherry.Execution.Suspension;

namespace Wherry.Tests.Execution.Suspension;

/// <summary>Runs guests that import a function "host" "wait", which gives its argument back after a wait that is not over before the guest is left, if it can be.</summary>
internal static class WaitingGuest
{
    /// <param name="waits">How often it has waited without its thread.</param>
    public static int Run(Module module, string function, out long waits, params object?[] arguments)
    {
        TaskCompletionSource<int>? left = null;
        int argument = 0;
        using var store = new Store(module.Engine);
        var linker = new Linker(module.Engine);
        linker.DefineFunction("host", "wait", async ValueTask<int> (int value) =>
        {
            if (!store.CanSuspend)
            {
                await Task.Yield();
                return value;
            }

            argument = value;
            left = new TaskCompletionSource<int>();
            return await left.Task;
        });
        var call = new SuspendableCall(linker.Instantiate(store, module).GetFunction(function)!, arguments);
        while (!call.Run())
        {
            left!.SetResult(argument);
            Assert.True(Task.WhenAny(call.WaitsFor!).Wait(Guests.Patience), "what the guest waits for did not happen");
        }

        waits = call.WaitCount;
        return (int)call.Results[0]!;
    }
}
