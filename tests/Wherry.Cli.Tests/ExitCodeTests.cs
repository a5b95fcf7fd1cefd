using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Wherry.Cli.Tests;

/// <summary>How the command ends, as docs/CLI.md says.</summary>
public sealed partial class ExitCodeTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1", 1)]
    [InlineData("42", 42)]
    [InlineData("255", 255)]
    [InlineData("256", 255)]
    [InlineData("1000000", 255)]
    [InlineData("4294967295", 255)]
    public async Task The_guests_own_exit_code_is_passed_on(string guests, int expected)
    {
        Result result = await RunningCommand.WherryAsync("run", Guest.Probe, "exit", guests);
        Assert.Equal("", result.Expect(expected).Error);
    }

    [Theory]
    [InlineData("guard")]
    [InlineData("explicit")]
    public async Task A_trap_ends_with_134_and_shows_the_guests_calls(string checks)
    {
        Result result = await RunningCommand.WherryAsync("run", "--bounds-checks", checks, Guest.Probe, "divide", "7");
        Assert.Contains("wherry: trap: integer divide by zero", result.Expect(134).Error, StringComparison.Ordinal);
        Assert.Contains("at divide (probe.wasm+0x", result.Error, StringComparison.Ordinal);
        Assert.Contains("probe.c:", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("guard")]
    [InlineData("explicit")]
    public async Task An_access_beyond_memory_is_a_trap_that_names_it(string checks)
    {
        Result result = await RunningCommand.WherryAsync("run", "--bounds-checks", checks, Guest.Probe, "touch-beyond");
        Assert.Contains("trap: out of bounds memory access", result.Expect(134).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Endless_recursion_is_a_trap()
    {
        Result result = await RunningCommand.WherryAsync("run", Guest.Probe, "recurse");
        Assert.Contains("trap: call stack exhausted", result.Expect(134).Error, StringComparison.Ordinal);
        Assert.Contains("at recurse (probe.wasm", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("loop")]
    [InlineData("sleep")]
    public async Task The_time_limit_ends_with_124(string what)
    {
        Result result = await RunningCommand.WherryAsync("run", "--time-limit", "300", Guest.Probe, what);
        Assert.Contains("the time limit of 300 ms is over", result.Expect(124).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_time_limit_that_is_not_reached_changes_nothing()
    {
        Result result = await RunningCommand.WherryAsync("run", "--time-limit", "600000", Guest.Probe, "exit", "3");
        Assert.Equal("", result.Expect(3).Error);
    }

    [Fact]
    public async Task A_time_limit_of_nothing_is_no_limit()
    {
        Result result = await RunningCommand.WherryAsync("run", "--time-limit", "0", Guest.Probe, "exit", "3");
        Assert.Equal("", result.Expect(3).Error);
    }

    [Theory]
    [InlineData("_start")]
    [InlineData("throw", "--invoke", "throw")]
    [InlineData("_initialize", "--reactor")]
    public async Task An_exception_that_nobody_catches_ends_with_134_and_shows_its_values(string function, params string[] options)
    {
        using var folder = new TemporaryFolder();
        string module = folder.Write("throws.wat", $$"""
            (module
              (tag $t (export "failure") (param i32 f64))
              (func $inner (throw $t (i32.const 7) (f64.const 2.5)))
              (func (export "{{function}}") (call $inner)))
            """);
        Result result = await RunningCommand.WherryAsync(["run", .. options, module]);
        Assert.Equal("wherry: trap: uncaught exception \"failure\" (i32 7, f64 2.5)\n", result.Expect(134).Error);
    }

    [Theory]
    [InlineData(PosixSignal.SIGINT, "loop", 130)]
    [InlineData(PosixSignal.SIGINT, "sleep", 130)]
    [InlineData(PosixSignal.SIGTERM, "loop", 143)]
    [InlineData(PosixSignal.SIGTERM, "sleep", 143)]
    public async Task A_signal_ends_the_guest_whatever_it_does(PosixSignal signal, string what, int expected)
    {
        await using RunningCommand command = RunningCommand.StartWherry("run", Guest.Probe, what);
        await command.WaitForAsync(AtWork());
        command.Signal(signal);
        (await command.EndAsync()).Expect(expected);
    }

    [Theory]
    [InlineData(PosixSignal.SIGINT, 130)]
    [InlineData(PosixSignal.SIGTERM, 143)]
    public async Task A_signal_ends_a_serving_guest(PosixSignal signal, int expected)
    {
        await using RunningCommand command = RunningCommand.StartWherry("run", "-p", "0:8080", Guest.Probe, "serve", "8080");
        await command.WaitForPortAsync();
        command.Signal(signal);
        (await command.EndAsync()).Expect(expected);
    }

    [GeneratedRegex("(looping|sleeping)\n")]
    private static partial Regex AtWork();
}
