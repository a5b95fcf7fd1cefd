namespace Wherry.Cli.Tests;

/// <summary>A command line written for WasmEdge works.</summary>
public sealed class WasmEdgeOptionTests
{
    [Theory]
    [InlineData("--enable-jit")]
    [InlineData("--enable-coredump")]
    [InlineData("--coredump-for-wasmgdb")]
    [InlineData("--force-interpreter")]
    [InlineData("--allow-af-unix")]
    [InlineData("--enable-component")]
    [InlineData("--run-mode", "aot")]
    [InlineData("--forbidden-plugin", "wasi_nn")]
    [InlineData("--log-level", "error")]
    public async Task An_option_without_effect_is_answered_with_one_line(params string[] options)
    {
        Result result = await RunningCommand.WherryAsync(["run", .. options, Guest.Probe, "a"]);
        Assert.Equal("[a]\n", result.Expect(0).Output);
        string line = Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
        Assert.StartsWith($"wherry: {options[0]} has no effect", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--wasm-2")]
    [InlineData("--wasm-3")]
    [InlineData("--enable-all")]
    [InlineData("--enable-threads")]
    [InlineData("--enable-tail-call")]
    [InlineData("--disable-simd")]
    [InlineData("--disable-gc")]
    [InlineData("--disable-memory64")]
    [InlineData("--disable-relaxed-simd")]
    [InlineData("--disable-exception-handling")]
    [InlineData("--disable-function-reference")]
    public async Task Options_for_proposals_are_known(string option)
    {
        Result result = await RunningCommand.WherryAsync("run", option, Guest.Probe, "a");
        Assert.Equal("[a]\n", result.Expect(0).Output);
        Assert.Equal("", result.Error);
    }

    [Fact]
    public async Task A_proposal_that_is_switched_off_is_refused()
    {
        Result result = await RunningCommand.WherryAsync("run", "--disable-sign-extension-operators", "--disable-bulk-memory", Repository.Example("orders/orders.wasm"));
        Assert.Contains("offset 0x", result.Expect(126).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_whole_command_line_works()
    {
        using var folder = new TemporaryFolder();
        folder.Write("f", "x");
        Result result = await RunningCommand.WherryAsync(
            "run", "--net", "host", "--dir", $".:{folder.Path}", "--env", "A=1", "--time-limit", "60000", "--memory-page-limit", "200", "--enable-all-statistics",
            Repository.Example("filetool/filetool.wasm"), "ls", ".");
        Assert.Equal("f\n", result.Expect(0).Output);
    }
}
