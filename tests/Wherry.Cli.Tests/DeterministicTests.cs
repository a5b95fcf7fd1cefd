namespace Wherry.Cli.Tests;

/// <summary>The option --deterministic.</summary>
public sealed class DeterministicTests
{
    // Writes 16 random bytes and the time as they are, then recurses until it traps.
    private const string Guest = """
        (module
          (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (global $depth (mut i32) (i32.const 0))
          (data (i32.const 0) "\40\00\00\00\18\00\00\00")
          (func $deep (param i32) (global.set $depth (i32.add (global.get $depth) (i32.const 1))) (call $deep (local.get 0)) (drop (i32.const 1)))
          (func (export "_start")
            (drop (call $random (i32.const 64) (i32.const 16)))
            (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 80)))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
            (call $deep (i32.const 1))))
        """;

    [Fact]
    public async Task Runs_are_alike_in_output_and_fuel()
    {
        using var folder = new TemporaryFolder();
        string module = folder.Write("guest.wat", Guest);
        var seen = new HashSet<(string, string)>();
        foreach (string checks in new[] { "guard", "explicit" })
        {
            Result result = await RunningCommand.WherryAsync("run", "--deterministic", "--enable-instruction-count", "--bounds-checks", checks, module);
            Assert.Contains("call stack exhausted", result.Expect(134).Error, StringComparison.Ordinal);
            seen.Add((result.Output, result.Error.Split('\n').Single(line => line.StartsWith("wherry: instructions: ", StringComparison.Ordinal))));
        }

        Assert.Single(seen);
        Result other = await RunningCommand.WherryAsync("run", "--deterministic", "--seed", "1", module);
        Assert.NotEqual(seen.Single().Item1, other.Expect(134).Output);
    }

    [Theory]
    [InlineData("--publish", "--deterministic", "-p", "8080")]
    [InlineData("--net", "--deterministic", "--net", "host")]
    [InlineData("--connect", "--deterministic", "--connect", "*")]
    [InlineData("--seed", "--seed", "1")]
    public async Task What_does_not_go_together_is_refused(string named, params string[] options) =>
        Assert.Contains(named, (await RunningCommand.WherryAsync(["run", .. options, Repository.Example("hello/hello.wasm")])).Expect(2).Error, StringComparison.Ordinal);

    [Fact]
    public async Task Threads_are_refused() =>
        Assert.Contains("threads", (await RunningCommand.WherryAsync("run", "--deterministic", Repository.Example("threads/sum.wasm"))).Expect(126).Error, StringComparison.Ordinal);
}
