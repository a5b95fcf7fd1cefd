using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Wherry.Cli.Tests;

/// <summary>Guests with threads, from a toolchain (clang, a wasi-libc with pthreads) and by hand.</summary>
public sealed partial class ThreadTests
{
    // Computed apart from the guest, by the same formula in another language.
    private const string SumOfAMillion = "14271661549839953574\n";

    private static string Sum { get; } = Repository.Example("threads/sum.wasm");

    [Theory]
    [InlineData("guard", "1")]
    [InlineData("guard", "2")]
    [InlineData("guard", "7")]
    [InlineData("guard", "64")]
    [InlineData("explicit", "1")]
    [InlineData("explicit", "4")]
    public async Task A_program_with_pthreads_sums_in_parallel(string checks, string threads)
    {
        Result result = await RunningCommand.WherryAsync("run", "--bounds-checks", checks, Sum, threads, "1000000");
        Assert.Equal(SumOfAMillion, result.Expect(0).Output);
    }

    [Theory]
    [InlineData("guard")]
    [InlineData("explicit")]
    public async Task A_program_with_pthreads_can_be_compiled_ahead_of_time(string checks)
    {
        using var folder = new TemporaryFolder();
        string compiled = Path.Combine(folder.Path, "sum.cwasm");
        (await RunningCommand.WherryAsync("compile", "--bounds-checks", checks, "-o", compiled, Sum)).Expect(0);
        Result result = await RunningCommand.WherryAsync("run", compiled, "5", "1000000");
        Assert.Equal(SumOfAMillion, result.Expect(0).Output);
    }

    [Theory]
    [InlineData("--threads=2", "3", "thread 3: ")]
    [InlineData("--threads=0", "1", "thread 1: ")]
    [InlineData("--threads=64", "200", "thread 65: ")]
    public async Task There_are_no_more_threads_than_allowed(string option, string threads, string expected)
    {
        // The numbers are many, so that no thread has ended before the last one is asked for.
        Result result = await RunningCommand.WherryAsync("run", option, Sum, threads, "4000000000000");
        Assert.StartsWith(expected, result.Expect(1).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_number_of_threads_that_is_none_is_a_usage_error()
    {
        Result result = await RunningCommand.WherryAsync("run", "--threads", "many", Sum);
        Assert.Contains("--threads 'many'", result.Expect(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_time_limit_ends_all_threads()
    {
        Result result = await RunningCommand.WherryAsync("run", "--time-limit", "500", Sum, "4", "4000000000000");
        Assert.Contains("the time limit of 500 ms is over", result.Expect(124).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_memory_that_is_larger_than_allowed_is_refused()
    {
        Result result = await RunningCommand.WherryAsync("run", "--memory-limit", "64KiB", Sum);
        Assert.Contains("limit of 65536 bytes", result.Expect(126).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_trap_in_a_thread_is_shown_with_the_threads_calls()
    {
        using var folder = new TemporaryFolder();
        string guest = Write(folder, "(call $crash)", "(func $crash unreachable)");
        Result result = await RunningCommand.WherryAsync("run", guest);
        Assert.Contains("wherry: trap: unreachable", result.Expect(134).Error, StringComparison.Ordinal);
        Assert.Contains("at crash (", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_exit_in_a_thread_is_the_programs()
    {
        using var folder = new TemporaryFolder();
        Result result = await RunningCommand.WherryAsync("run", Write(folder, "(call $exit (i32.const 9))"));
        Assert.Equal("", result.Expect(9).Error);
    }

    [Theory]
    [InlineData(PosixSignal.SIGINT, 130)]
    [InlineData(PosixSignal.SIGTERM, 143)]
    public async Task A_signal_ends_all_threads(PosixSignal signal, int expected)
    {
        using var folder = new TemporaryFolder();
        await using RunningCommand command = RunningCommand.StartWherry("run", Write(folder, "(call $tell) (loop (br 0))"));
        await command.WaitForAsync(AtWork());
        command.Signal(signal);
        (await command.EndAsync()).Expect(expected);
    }

    [Fact]
    public async Task Inspect_tells_of_threads()
    {
        Result result = await RunningCommand.WherryAsync("inspect", Sum);
        Assert.Contains("--threads COUNT", result.Expect(0).Output, StringComparison.Ordinal);
        Assert.Contains("shared", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("--module", result.Output, StringComparison.Ordinal);
    }

    private static string Write(TemporaryFolder folder, string thread, string fields = "")
    {
        string path = Path.Combine(folder.Path, "threads.wat");
        File.WriteAllText(path, $$"""
            (module
              (import "env" "memory" (memory 1 1 shared))
              (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
              (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
              (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
              (data (i32.const 64) "working\n")
              {{fields}}
              (func $tell
                (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 8))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))
              (export "memory" (memory 0))
              (func (export "wasi_thread_start") (param i32 i32) {{thread}})
              (func (export "_start")
                (drop (call $spawn (i32.const 0)))
                (drop (memory.atomic.wait32 (i32.const 32) (i32.const 0) (i64.const -1)))))
            """);
        return path;
    }

    [GeneratedRegex("working\n")]
    private static partial Regex AtWork();
}
