using System.Collections.Concurrent;
using System.Diagnostics;
using Wherry.Compose.Running;
using Wherry.Compose.Tests.Up;

namespace Wherry.Compose.Tests.Running;

/// <summary>What happens between being told to start a guest, and its start.</summary>
public sealed class StartTests : IDisposable
{
    /// <summary>A program that ends at once.</summary>
    private const string Nothing = """(module (memory (export "memory") 1) (func (export "_start")))""";

    private readonly TemporaryFolder folder = new();
    private readonly ConcurrentQueue<LogLine> lines = [];

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Guests_that_wait_while_they_are_instantiated_do_not_keep_others_from_being_started()
    {
        // The start function writes a line and then waits for an hour.
        folder.Write("stuck.wat", """
            (module
              (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
              (memory (export "memory") 1)
              (data (i32.const 0) "\10\00\00\00\06\00\00\00")
              (data (i32.const 16) "begun\n")
              (func $begin
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
                (i32.store (i32.const 80) (i32.const 1))
                (i64.store (i32.const 88) (i64.const 3600000000000))
                (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 32))))
              (start $begin)
              (func (export "_start")))
            """);
        int many = (4 * Environment.ProcessorCount) + 1;
        await using ProjectRunner runner = Create($"services: {{stuck: {{image: ./stuck.wat, scale: {many}}}, good: {{image: {UpProject.Probe}, command: [sleep]}}}}\n");
        Assert.True(await runner.StartAsync(["stuck"]));
        await WaitAsync(() => lines.Count(line => line is { Service: "stuck", Text: "begun" }) == many);
        Assert.True(await runner.StartAsync(["good"]));
        await WaitAsync(() => lines.Any(line => line is { Service: "good", Text: "sleeping" }));
        await runner.StopAsync(limit: TimeSpan.Zero);
        Assert.All(runner.Status, status => Assert.Equal(ReplicaState.Exited, status.State));
    }

    [Fact]
    public async Task A_service_that_is_stopped_while_its_module_is_loaded_is_not_started()
    {
        await using ProjectRunner runner = CreateWithSlowModule();
        Task<bool> start = runner.StartAsync();
        await WaitAsync(() => runner.Status[0].State == ReplicaState.Starting);
        await runner.StopAsync(["slow"]);
        Load();
        Assert.True(await start);
        Replica replica = Assert.Single(runner.Find("slow")!.Replicas);
        Assert.True(replica.IsStopped);
        Assert.Equal(ReplicaState.Exited, replica.State);
        Assert.Null(replica.ExitCode);

        // Until somebody starts it again.
        Assert.True(await runner.StartAsync(["slow"]));
        await WaitAsync(() => replica is { State: ReplicaState.Exited, ExitCode: 0 });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_project_that_is_ended_while_a_module_is_loaded_starts_nothing_any_more(bool isDisposed)
    {
        await using ProjectRunner runner = CreateWithSlowModule();
        using var ending = new CancellationTokenSource();
        Task<bool> start = runner.StartAsync(cancellationToken: ending.Token);
        await WaitAsync(() => runner.Status[0].State == ReplicaState.Starting);
        Replica replica = Assert.Single(runner.Find("slow")!.Replicas);
        if (isDisposed)
        {
            await runner.DisposeAsync();
        }
        else
        {
            await ending.CancelAsync();
        }

        Load();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => start);
        Assert.Equal(ReplicaState.Exited, replica.State);
        Assert.Null(replica.ExitCode);
    }

    [Fact]
    public void What_can_not_begin_leaves_its_turn_to_the_next()
    {
        var queue = new StartQueue(1);
        for (int i = 0; i < 3; i++)
        {
            Assert.Throws<IOException>(() => queue.Begin(() => throw new IOException("no thread")));
        }

        int begun = 0;
        queue.Begin(() => begun++);
        queue.Begin(() => throw new IOException("no thread"));
        queue.Begin(() => begun++);
        Assert.Equal(1, begun);
        Assert.Throws<IOException>(queue.End);
        Assert.Equal(2, begun);
    }

    private ProjectRunner Create(string compose)
    {
        folder.Write("compose.yaml", compose);
        return new ProjectRunner(
            ComposeLoader.Load(new ComposeLoadOptions { Folder = folder.Path }), new ProjectRunnerOptions { VolumeFolder = folder["volumes"], Log = lines.Enqueue });
    }

    /// <summary>With a module that comes from a pipe, so that its loading lasts until <see cref="Load"/>.</summary>
    private ProjectRunner CreateWithSlowModule()
    {
        using Process pipe = Process.Start("mkfifo", [folder["slow.wat"]]);
        pipe.WaitForExit();
        Assert.Equal(0, pipe.ExitCode);
        return Create("services: {slow: {image: ./slow.wat}}\n");
    }

    /// <summary>Lets the module be loaded: slowly once, and from a usual file then.</summary>
    private void Load()
    {
        folder.Write("ready.wat", Nothing);
        using var pipe = new StreamWriter(folder["slow.wat"], new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Write });
        File.Move(folder["ready.wat"], folder["slow.wat"], overwrite: true);
        pipe.Write(Nothing);
    }

    private static async Task WaitAsync(Func<bool> isSo)
    {
        var patience = Task.Delay(RunningCommand.Patience);
        while (!isSo())
        {
            Assert.False(patience.IsCompleted, "It does not come.");
            await Task.Delay(20);
        }
    }
}
