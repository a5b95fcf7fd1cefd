using System.IO.Pipelines;
using System.Runtime.InteropServices;
using System.Text;
using Wherry.Wasi.Paths;

namespace Wherry.Wasi.Tests.Guests;

/// <summary>Real programs in C, on the engine: what they see of the system, and that each of their waits can be ended.</summary>
public sealed class GuestProgramTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly string root = Directory.CreateTempSubdirectory("wherry-programs-").FullName;
    private readonly MemoryStream output = new();
    private readonly MemoryStream error = new();
    private readonly WasiOptions options;

    public GuestProgramTests()
    {
        var inside = Directory.CreateDirectory(Path.Combine(root, "inside")).FullName;
        var readOnly = Directory.CreateDirectory(Path.Combine(root, "read-only")).FullName;
        var outside = Directory.CreateDirectory(Path.Combine(root, "outside")).FullName;
        File.WriteAllText(Path.Combine(outside, "secret"), "secret");
        File.WriteAllText(Path.Combine(readOnly, "file"), "constant");
        File.CreateSymbolicLink(Path.Combine(inside, "escape"), "/etc/passwd");
        File.CreateSymbolicLink(Path.Combine(inside, "escape-folder"), "../outside");
        options = new WasiOptions
        {
            Arguments = ["program"],
            StandardInput = Stream.Null,
            StandardOutput = output,
            StandardError = error,
            Directories = [new("/inside", inside), new("/read-only", readOnly, IsReadOnly: true)],
        };
    }

    private string Output => Encoding.UTF8.GetString(output.ToArray());

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Each_function_answers_a_guest_as_the_specification_says(bool usesKernel)
    {
        var module = CompiledGuest.Load("preview1");
        var code = WasiCommand.Run(Engine.Default, module, options with { PathResolution = usesKernel ? PathResolution.Automatic : PathResolution.Components });
        Assert.True(code == 0, Output);
        Assert.Matches("^[0-9]+ checks, 0 failed\n$", Output);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_program_works_with_files_through_its_libc(bool usesKernel)
    {
        var module = CompiledGuest.Load("posix");
        var code = WasiCommand.Run(Engine.Default, module, options with
        {
            Arguments = ["posix", "--flag", "größer"],
            Environment = new Dictionary<string, string> { ["GREETING"] = "hello" },
            StandardInput = new MemoryStream("one\ntwo\n"u8.ToArray()),
            PathResolution = usesKernel ? PathResolution.Automatic : PathResolution.Components,
        });
        Assert.Equal(
            """
            argument 0: posix
            argument 1: --flag
            argument 2: größer
            GREETING=hello
            terminal: 0
            size 8890
            last: end
            mtime 1100000000.000000006, 2 links
            404 entries: . .. entry-000 ... soft
            link: ../text
            read-only: constant
            input: one
            input: two

            """,
            Output);
        Assert.Equal("done\n", Encoding.UTF8.GetString(error.ToArray()));
        Assert.Equal(42, code);
    }

    [Fact]
    public void A_program_of_2019_finds_the_layouts_of_wasi_unstable()
    {
        var module = CompiledGuest.Load("unstable", "-nostdlib", "-ffreestanding", "-Wl,--no-entry", "-Wl,--export=_start");
        Assert.Equal(100, WasiCommand.Run(Engine.Default, module, options));
    }

    [Fact]
    public async Task A_program_that_waits_for_a_stream_is_interrupted()
    {
        var pipe = new Pipe();
        await InterruptWhenWaiting("stdin", options with { StandardInput = pipe.Reader.AsStream() });
    }

    [Fact]
    public async Task A_program_that_waits_for_a_fifo_is_interrupted()
    {
        Assert.Equal(0, mkfifo(Path.Combine(root, "inside", "fifo"), 0x1B6));
        await InterruptWhenWaiting("fifo", options);
    }

    [Fact]
    public async Task A_program_that_sleeps_is_interrupted() => await InterruptWhenWaiting("sleep", options);

    [Fact]
    public async Task A_program_that_asks_for_random_bytes_without_end_is_interrupted() => await InterruptWhenWaiting("random", options);

    private static async Task InterruptWhenWaiting(string how, WasiOptions options)
    {
        var module = CompiledGuest.Load("waiting");
        var waiting = new Pipe();
        using var interruption = new CancellationTokenSource();
        var running = Task.Run(() => WasiCommand.Run(
            Engine.Default,
            module,
            options with { Arguments = ["waiting", how], StandardOutput = waiting.Writer.AsStream() },
            new StoreOptions { CancellationToken = interruption.Token }));
        using var reader = new StreamReader(waiting.Reader.AsStream());
        var line = reader.ReadLineAsync();
        if (await Task.WhenAny(line, running).WaitAsync(Limit) == running)
        {
            Assert.Fail($"It did not wait but ended with {await running}.");
        }

        Assert.Equal("waiting", await line);
        await interruption.CancelAsync();
        var trap = await Assert.ThrowsAsync<TrapException>(() => running.WaitAsync(Limit));
        Assert.Equal(TrapKind.Interrupted, trap.Kind);
    }

    [DllImport("libc")]
    private static extern int mkfifo([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);
}
