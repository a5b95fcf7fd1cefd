namespace Wherry.Fuzz.Differential;

/// <summary>How Wherry runs a module. All that can be seen of it must be the same in each way.</summary>
internal enum ExecutionWay
{
    /// <summary>Jitted, with guard pages.</summary>
    Guard,

    /// <summary>Jitted, with explicit bounds checks.</summary>
    Explicit,

    /// <summary>All code compiled in haste.</summary>
    Hasty,

    /// <summary>Left and entered again at the start of each function, on several threads.</summary>
    Suspended,

    /// <summary>Two instances of a pool, one after the other.</summary>
    Pooled,

    /// <summary>With fuel, of which there is enough.</summary>
    Metered,

    /// <summary>Deterministic, which excludes shared memories.</summary>
    Deterministic,

    /// <summary>Functions are divided that are much smaller than those that must be.</summary>
    Divided,

    /// <summary>As for a profiler.</summary>
    Profiled,

    /// <summary>So that the guest can be paused.</summary>
    Pausable,

    /// <summary>Explicit checks and fuel.</summary>
    MeteredExplicitly,

    /// <summary>Explicit checks, and left and entered again.</summary>
    SuspendedExplicitly,

    /// <summary>Compiled ahead of time, which takes a process for each module.</summary>
    AheadOfTime,

    /// <summary>Compiled ahead of time, and left and entered again in jitted code beside it.</summary>
    AheadOfTimeSuspended,
}

/// <summary>Which ways are for which module.</summary>
internal static class ExecutionWays
{
    // Of how many modules whose turn it is one is compiled ahead of time.
    private const int AheadOfTimeRarity = 10;

    // A divided function is so many times smaller than what the JIT does not optimize.
    private const int Divisor = 30;

    public static IReadOnlyList<ExecutionWay> All { get; } = Enum.GetValues<ExecutionWay>();

    // Beyond the two that every module is looked at in.
    private static readonly ExecutionWay[] s_further = [.. All.Skip(2)];

    /// <summary>The further way in which a module is run, besides the two kinds of bounds checks.</summary>
    public static ExecutionWay Of(int index, Module module)
    {
        ExecutionWay way = s_further[index % s_further.Length];
        if (IsAheadOfTime(way) && (index / s_further.Length % AheadOfTimeRarity != 0 || !Precompiler.IsAvailable))
        {
            way = s_further[index / s_further.Length % (s_further.Length - 2)];
        }

        return CanRun(way, module) ? way : ExecutionWay.Divided;
    }

    public static bool CanRun(ExecutionWay way, Module module) => way switch
    {
        ExecutionWay.Deterministic => !module.Definition.FeaturesUsed.HasFlag(WasmFeatures.Threads),
        ExecutionWay.AheadOfTime or ExecutionWay.AheadOfTimeSuspended => Precompiler.IsAvailable,
        _ => true,
    };

    public static bool IsSuspended(ExecutionWay way) => way is ExecutionWay.Suspended or ExecutionWay.SuspendedExplicitly or ExecutionWay.AheadOfTimeSuspended;

    public static EngineOptions Options(ExecutionWay way)
    {
        EngineOptions options = EngineOptions.Default with
        {
            BoundsChecks = way is ExecutionWay.Explicit or ExecutionWay.MeteredExplicitly or ExecutionWay.SuspendedExplicitly ? BoundsChecks.Explicit : BoundsChecks.Guard,
            Features = WasmFeatures.Default | WasmFeatures.WideArithmetic | WasmFeatures.CustomPageSizes,
            CreateCode = IsAheadOfTime(way) ? Precompiler.CompileAndLoad : null,
        };
        return way switch
        {
            ExecutionWay.Hasty => options with { CollectibleCode = false, Haste = Compilation.Haste.All },
            ExecutionWay.Metered or ExecutionWay.MeteredExplicitly => options with { FuelCosts = FuelCosts.Default },
            ExecutionWay.Deterministic => options with { Deterministic = true, Features = options.Features & ~WasmFeatures.Threads },
            ExecutionWay.Divided => options with { DivisionFactor = Divisor },
            ExecutionWay.Profiled => options with { Profiling = true },
            ExecutionWay.Pausable => options with { Pausing = true },
            _ when IsSuspended(way) => options with { MayWait = static (_, _) => true, WaitsAtEachCall = true },
            _ => options,
        };
    }

    private static bool IsAheadOfTime(ExecutionWay way) => way is ExecutionWay.AheadOfTime or ExecutionWay.AheadOfTimeSuspended;
}
