using Wherry.Fuzz.Differential;

namespace Wherry.Fuzz.Tests;

/// <summary>A long run that was stopped goes on where it was.</summary>
public sealed class RunStateTests : IDisposable
{
    private readonly string file = Path.Combine(Path.GetTempPath(), $"wherry-run-{Guid.NewGuid():n}");

    public void Dispose() => File.Delete(file);

    [Fact]
    public void What_was_noted_is_read_again()
    {
        var state = new RunState { Run = "seed 5", Next = 250, Statistics = new DifferentialStatistics { Differences = 2 } };
        DifferentialStatistics.Count(state.Statistics.Modules, "Generator", 245);
        DifferentialStatistics.Count(state.Statistics.Executed, 7, 100);
        state.Save(file);
        (state with { Next = 300 }).Save(file);
        RunState read = RunState.Load(file, "seed 5")!;
        Assert.Equal(300, read.Next);
        Assert.Equal(2, read.Statistics.Differences);
        Assert.Equal(245, read.Statistics.Compared);
        Assert.Equal(state.Statistics.Executed, read.Statistics.Executed);
    }

    [Fact]
    public void Nothing_is_read_of_another_run_or_where_nothing_was_noted()
    {
        Assert.Null(RunState.Load(null, "seed 5"));
        Assert.Null(RunState.Load(file, "seed 5"));
        new RunState { Run = "seed 5", Next = 1 }.Save(file);
        Assert.Contains("seed 5", Assert.Throws<InvalidDataException>(() => RunState.Load(file, "seed 6")).Message, StringComparison.Ordinal);
    }
}
