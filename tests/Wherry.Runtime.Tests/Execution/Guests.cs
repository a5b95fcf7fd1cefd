namespace Wherry.Tests.Execution;

/// <summary>Small guests written as text.</summary>
internal static class Guests
{
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static readonly Engine s_guard = new(new EngineOptions { BoundsChecks = BoundsChecks.Guard });
    private static readonly Engine s_explicit = new(new EngineOptions { BoundsChecks = BoundsChecks.Explicit });

    /// <summary>Compiles all code in haste first.</summary>
    public static Engine HastyEngine { get; } = new(new EngineOptions { CollectibleCode = false, Haste = Wherry.Compilation.Haste.All });

    public static Engine Engine(BoundsChecks checks) => checks == BoundsChecks.Guard ? s_guard : s_explicit;

    public static Module Load(string text, BoundsChecks checks = BoundsChecks.Guard) =>
        Module.Load(Engine(checks), WatConverter.ToBinary(text, emitNames: true), "test.wasm");

    public static Instance Instantiate(string text, BoundsChecks checks = BoundsChecks.Guard, StoreOptions? options = null, Action<Linker>? define = null)
    {
        var linker = new Linker(Engine(checks));
        define?.Invoke(linker);
        return linker.Instantiate(new Store(Engine(checks), options), Load(text, checks));
    }

    /// <summary>Waits for an event, however slow the machine is.</summary>
    public static void Await(ManualResetEventSlim signal) => Assert.True(signal.Wait(Patience), "what the test waits for did not happen");

    public static void Join(Thread thread) => Assert.True(thread.Join(Patience), "the thread did not end");
}
