using Wherry.Compilation;

namespace Wherry;

/// <summary>What an <see cref="Engine"/> accepts and how it compiles.</summary>
public sealed record EngineOptions
{
    /// <summary>The options of an engine unless told otherwise.</summary>
    public static EngineOptions Default { get; } = new();

    /// <summary>How memory accesses are checked. <see cref="Engine.BoundsChecks"/> says what the system made of it.</summary>
    public BoundsChecks BoundsChecks { get; init; } = BoundsChecks.Guard;

    /// <summary>The proposals that modules may use.</summary>
    public WasmFeatures Features { get; init; } = WasmFeatures.Default;

    /// <summary>Whether relaxed vector instructions give the same results on every processor, at some cost, rather than what the processor does fastest.</summary>
    public bool DeterministicRelaxedSimd { get; init; }

    /// <summary>
    /// Whether a guest does the same to the bit in every way of execution and on every processor: operators make no NaN but the canonical one, relaxed vector instructions
    /// have their deterministic results, the depth of calls is bounded by the sizes that frames have in Wasm (4 MiB of them; a frame has 64 bytes, 8 for each parameter and local, 16 if it is a vector, and
    /// one for each 32 bytes of code) and not by the native stack, and modules may not use the threads proposal. Calls need a native stack of 128 MiB to get so deep; with less, that one may end
    /// first. What a guest sees of the world is up to its imports.
    /// </summary>
    public bool Deterministic { get; init; }

    /// <summary>
    /// What instructions take of a store's fuel (<see cref="StoreOptions.Fuel"/>); null, the default, to count nothing. Compiled code without counting is faster.
    /// </summary>
    public FuelCosts? FuelCosts { get; init; }

    /// <summary>Whether code is compiled so that a <see cref="GuestProfiler"/> can sample it, at some cost.</summary>
    public bool Profiling { get; init; }

    /// <summary>How large modules may be.</summary>
    public ModuleLimits ModuleLimits { get; init; } = ModuleLimits.Default;

    /// <summary>Address space that is reserved for each 64-bit memory, and so the size beyond which it can't grow. It costs no memory.</summary>
    public ulong Memory64Reservation { get; init; } = 64UL << 30;

    /// <summary>
    /// Whether jitted code goes when nothing uses its module any more. Without, it stays until the process ends, and the code of large programs that mostly runs once (that of Go, so far) is
    /// compiled in haste first, and well when it turns out to run often: such programs start sooner. For processes that run a few modules.
    /// </summary>
    public bool CollectibleCode { get; init; } = true;

    /// <summary>Where native code of modules is kept, so that it need not be compiled again; null for nowhere.</summary>
    public CodeCache? CodeCache { get; init; }

    /// <summary>Whether functions that RyuJIT would not optimize as a whole become several methods.</summary>
    internal bool OutlinesLargeFunctions { get; init; } = true;

    /// <summary>For tests: how many times smaller functions are that become several methods.</summary>
    internal int DivisionFactor { get; init; } = 1;

    /// <summary>Which functions are compiled in haste first, where <see cref="CollectibleCode"/> is not asked for.</summary>
    internal Haste Haste { get; init; } = Haste.Resumable;

    /// <summary>Whether code is compiled so that <see cref="Store.Pause"/> can hold it, at some cost.</summary>
    internal bool Pausing { get; init; }

    /// <summary>Whether loops look for an interruption; without, only what that costs can be measured.</summary>
    internal bool IsInterruptible { get; init; } = true;

    /// <summary>
    /// If given, functions are compiled so that a guest's call can be left while it waits and entered again: see <see cref="Execution.Suspension.SuspendableCall"/>. Tells of an imported function, by module and name, whether it may wait.
    /// </summary>
    internal Func<string, string, bool>? MayWait { get; init; }

    /// <summary>With <see cref="MayWait"/>, how many guests of a module of which nothing is known find out where it waits: see <see cref="Compilation.Suspension.WaitTrial"/>.</summary>
    internal int WaitTrials { get; init; } = 4;

    /// <summary>For tests: with <see cref="MayWait"/>, every function is compiled so, and is left and entered again each time it is called.</summary>
    internal bool WaitsAtEachCall { get; init; }

    /// <summary>Compiles modules in place of the JIT.</summary>
    internal Func<Module, CompiledModule>? CreateCode { get; init; }
}
