using System.Text.RegularExpressions;

namespace Wherry.Cli.Tests;

/// <summary>Bounding and counting instructions from the command line.</summary>
public sealed partial class FuelTests
{
    [Theory]
    [InlineData("--fuel")]
    [InlineData("--gas-limit")]
    public async Task A_guest_ends_when_its_fuel_is_used_up(string option)
    {
        Result result = await RunningCommand.WherryAsync("run", option, "100", Repository.Example("hello/hello.wasm"));
        Assert.StartsWith("wherry: trap: out of fuel", result.Expect(134).Error, StringComparison.Ordinal);
        Assert.Equal("", result.Output);
    }

    [Fact]
    public async Task Enough_fuel_changes_nothing() =>
        Assert.Equal("Hello, world!\n", (await RunningCommand.WherryAsync("run", "--fuel", "10000000", Repository.Example("hello/hello.wasm"))).Expect(0).Output);

    [Theory]
    [InlineData("x")]
    [InlineData("-1")]
    public async Task What_is_no_amount_is_refused(string amount) =>
        Assert.Contains("--fuel", (await RunningCommand.WherryAsync("run", $"--fuel={amount}", Repository.Example("hello/hello.wasm"))).Expect(2).Error, StringComparison.Ordinal);

    [Fact]
    public async Task Statistics_are_told_at_the_end()
    {
        Result first = await RunningCommand.WherryAsync("run", "--enable-all-statistics", Repository.Example("hello/hello.wasm"));
        Result second = await RunningCommand.WherryAsync("run", "--enable-instruction-count", "--bounds-checks", "explicit", Repository.Example("hello/hello.wasm"));
        Match count = Instructions().Match(first.Expect(0).Error);
        Assert.True(count.Success, first.Error);
        Assert.Contains("wherry: gas: ", first.Error, StringComparison.Ordinal);
        Assert.Contains("wherry: time: ", first.Error, StringComparison.Ordinal);

        // The same in either way, and nothing else is told.
        Assert.Equal(count.Value, second.Expect(0).Error.TrimEnd('\n'));
    }

    [GeneratedRegex("^wherry: instructions: [1-9][0-9]+$", RegexOptions.Multiline)]
    private static partial Regex Instructions();
}
