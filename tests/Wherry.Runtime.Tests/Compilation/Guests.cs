namespace Wherry.Tests.Compilation;

/// <summary>Makes guests of the text format, in both memory modes.</summary>
internal static class Guests
{
    public static TheoryData<BoundsChecks> Modes => [BoundsChecks.Guard, BoundsChecks.Explicit];

    public static Module Load(string text, BoundsChecks boundsChecks = BoundsChecks.Guard, EngineOptions? options = null) =>
        Module.Load(new Engine((options ?? EngineOptions.Default) with { BoundsChecks = boundsChecks }), WatConverter.ToBinary(text));

    public static Instance Instantiate(Module module, Action<Linker, Store>? define = null, StoreOptions? options = null)
    {
        var linker = new Linker(module.Engine);
        var store = new Store(module.Engine, options);
        define?.Invoke(linker, store);
        return linker.Instantiate(store, module);
    }

    public static Instance Instantiate(string text, BoundsChecks boundsChecks = BoundsChecks.Guard, Action<Linker, Store>? define = null) =>
        Instantiate(Load(text, boundsChecks), define);

    /// <summary>Runs something on a thread with a stack of its own, as hosts do.</summary>
    public static void OnThread(Action action, int stackSize = 1 << 20)
    {
        Exception? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    action();
                }
                catch (Exception exception)
                {
                    failure = exception;
                }
            },
            stackSize);
        thread.Start();
        thread.Join();
        if (failure is not null)
        {
            throw new InvalidOperationException("The thread failed.", failure);
        }
    }
}
