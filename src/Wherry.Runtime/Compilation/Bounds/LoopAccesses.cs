using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation.Bounds;

/// <summary>
/// The accesses of a loop's round to memories of which it can be told how many rounds they stay in bounds: their addresses are sums of what locals hold when the loop starts, and each round adds constants to these. Such a
/// loop passes all of its outermost code in each round, and goes back at its end only. How often it does is not asked.
/// </summary>
internal sealed class LoopAccesses
{
    private const int MaximumRanges = 8;

    private LoopAccesses(HashSet<int> offsets, List<AddressRange> ranges, long roundCost, int notes)
    {
        Notes = notes;
        Offsets = offsets;
        Ranges = ranges;
        RoundCost = roundCost;
    }

    /// <summary>The accesses, by their place in the module.</summary>
    public HashSet<int> Offsets { get; }

    public List<AddressRange> Ranges { get; }

    /// <summary>How many notes a round would need for them.</summary>
    public int Notes { get; }

    /// <summary>What a round that goes back costs at least; not 0.</summary>
    public long RoundCost { get; }

    /// <summary>Finds them.</summary>
    /// <param name="kinds">The types of the function's locals.</param>
    /// <param name="position">Where the loop's body starts.</param>
    /// <param name="end">Where its <c>end</c> is.</param>
    /// <param name="isSought">Whether an access is looked for.</param>
    /// <returns>null if the loop is not of that kind, or has none.</returns>
    public static LoopAccesses? Find(ModuleDefinition definition, FuelCosts costs, WasmValueKind[] kinds, int position, int end, Func<LinearAccess, bool> isSought)
    {
        var round = new LoopRound(definition, costs, kinds);
        return round.Read(position, end) && round.Cost > 0 ? Collect(round, isSought) : null;
    }

    private static LoopAccesses? Collect(LoopRound round, Func<LinearAccess, bool> isSought)
    {
        var offsets = new HashSet<int>();
        var ranges = new List<AddressRange>();
        int notes = 0;
        LinearValue? last = null;

        // Those with the lowest constants come first, since a range grows upward.
        foreach (LinearAccess access in round.Accesses.OrderBy(access => access.Address.Constant))
        {
            if (!isSought(access) || !round.TryGetStep(access.Address, out int step))
            {
                continue;
            }

            int index = ranges.FindIndex(range => range.Memory == access.Memory && range.Base.HasTermsOf(access.Address));
            if (index >= 0)
            {
                AddressRange range = ranges[index];
                ulong end = (ulong)((long)access.Address.Constant - range.Base.Constant) + access.Address.Spread + access.End;
                ranges[index] = range with { Extent = Math.Max(range.Extent, end) };
            }
            else if (ranges.Count < MaximumRanges)
            {
                ranges.Add(new AddressRange(access.Memory, access.Address, step, access.Address.Spread + access.End));
            }
            else
            {
                continue;
            }

            _ = offsets.Add(access.Offset);

            // Another access through the same value needs no note of its own, most often.
            notes += access.Address.Spread == 0 && last is not null && last.Constant == access.Address.Constant && last.HasTermsOf(access.Address) ? 0 : 1;
            last = access.Address;
        }

        return ranges.Count == 0 ? null : new LoopAccesses(offsets, ranges, round.Cost, notes);
    }
}
