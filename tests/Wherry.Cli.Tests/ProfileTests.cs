using System.Text.Json;

namespace Wherry.Cli.Tests;

/// <summary>Profiles of a guest, and names for perf.</summary>
public sealed class ProfileTests
{
    private const string Guest = """
        (module
          (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
          (memory (export "memory") 1)
          (func $work (param i32) (result i32) (local $sum i32)
            (i32.store (i32.const 0) (local.get 0)) ;; what accesses memory is not inlined
            (loop $again
              (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get 0) (local.get 0))))
              (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (local.get $sum))
          (func (export "_start") (drop (call $yield)) (drop (call $work (i32.const 200000000))))
          (func (export "trap") (drop (call $work (i32.const 200000000))) (unreachable)))
        """;

    [Theory]
    [InlineData("_start", 0)]
    [InlineData("trap", 134)]
    public async Task A_profile_is_written_however_the_guest_ends(string function, int exitCode)
    {
        using var folder = new TemporaryFolder();
        string[] what = function == "_start" ? [] : ["--invoke", function];
        Result result = await RunningCommand.WherryAsync(["run", "--profile", folder["out.json"], .. what, folder.Write("guest.wat", Guest)]);
        Assert.Contains(folder["out.json"], result.Expect(exitCode).Error, StringComparison.Ordinal);
        using JsonDocument profile = JsonDocument.Parse(await File.ReadAllBytesAsync(folder["out.json"], TestContext.Current.CancellationToken));
        Assert.Contains(profile.RootElement.GetProperty("nodes").EnumerateArray(), node => node.GetProperty("callFrame").GetProperty("functionName").GetString() == "work");
        Assert.Equal(profile.RootElement.GetProperty("samples").GetArrayLength(), profile.RootElement.GetProperty("timeDeltas").GetArrayLength());
    }

    [Fact]
    public async Task A_file_that_can_not_be_written_is_refused_before_the_guest_runs()
    {
        using var folder = new TemporaryFolder();
        Result result = await RunningCommand.WherryAsync("run", "--profile", folder["no/such/folder"], Repository.Example("hello/hello.wasm"));
        Assert.Contains("--profile", result.Expect(2).Error, StringComparison.Ordinal);
        Assert.Equal("", result.Output);
    }

    [Fact]
    public async Task Perf_is_told_the_names_of_functions()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "perf is on Linux only.");
        using var folder = new TemporaryFolder();
        await using RunningCommand command = RunningCommand.StartWherry("run", "--perf-map", folder.Write("guest.wat", Guest));
        (await command.EndAsync()).Expect(0);
        string map = $"/tmp/perf-{command.Id}.map";
        string[] lines = await File.ReadAllLinesAsync(map, TestContext.Current.CancellationToken);
        File.Delete(map);
        Assert.Contains(lines, line => line.EndsWith(" work", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.EndsWith(" _start", StringComparison.Ordinal));
    }
}
