using Wherry.Compilation;
using Wherry.Execution.Memories;

namespace Wherry;

/// <summary>Loads and compiles modules. One engine serves any number of threads, modules and stores.</summary>
public sealed class Engine : IDisposable
{
    /// <summary>An engine with default options.</summary>
    public Engine()
        : this(EngineOptions.Default)
    {
    }

    /// <summary>An engine with the given options.</summary>
    public Engine(EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options.Deterministic ? options with { Features = options.Features & ~WasmFeatures.Threads } : options;
        BoundsChecks = options.BoundsChecks == BoundsChecks.Guard && !MemoryArena.IsGuarded ? BoundsChecks.Explicit : options.BoundsChecks;
    }

    /// <summary>An engine with default options, shared by all.</summary>
    public static Engine Default { get; } = new();

    /// <summary>The options that it was made with.</summary>
    public EngineOptions Options { get; }

    /// <summary>How memory accesses are checked, on this system.</summary>
    public BoundsChecks BoundsChecks { get; }

    /// <summary>What the compiler must know of this system.</summary>
    internal CompilerOptions CompilerOptions => new(
        BoundsChecks == BoundsChecks.Guard,
        MemoryArena.IsGuarded,
        Options.DeterministicRelaxedSimd || Options.Deterministic,
        Options.OutlinesLargeFunctions,
        Options.FuelCosts,
        Options.Deterministic,
        Options.Profiling,
        Options.IsInterruptible,
        Options.Pausing,
        Options.DivisionFactor);

    /// <summary>Does nothing at present: modules and stores free what they hold when nothing references them any more.</summary>
    public void Dispose()
    {
    }
}
