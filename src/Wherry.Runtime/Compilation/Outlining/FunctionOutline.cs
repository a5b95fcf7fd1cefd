using System.Reflection;

namespace Wherry.Compilation.Outlining;

/// <summary>How a function is divided into methods, and which of them is written.</summary>
/// <param name="Regions">What is taken out, in order.</param>
/// <param name="Region">The one that is written, or null for what is left of the function.</param>
/// <param name="GetMethod">Gives a region's method, or null where nothing is generated.</param>
internal sealed record FunctionOutline(OutlinedRegion[] Regions, OutlinedRegion? Region, Func<OutlinedRegion, MethodInfo?> GetMethod)
{
    /// <summary>What is found out about the whole function, once for all of its regions.</summary>
    public FunctionFindings Findings { get; } = new();
}

/// <summary>See <see cref="FunctionOutline.Findings"/>.</summary>
internal sealed class FunctionFindings
{
    private HashSet<int>? _shortenedLoads;
    private bool _hasShortenedLoads;

    /// <summary>The loads that the JIT may shorten: see <see cref="Demand.LoadDemand"/>.</summary>
    public HashSet<int>? GetShortenedLoads(Func<HashSet<int>?> find)
    {
        if (!_hasShortenedLoads)
        {
            _shortenedLoads = find();
            _hasShortenedLoads = true;
        }

        return _shortenedLoads;
    }
}
