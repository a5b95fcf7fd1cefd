using System.Diagnostics;
using System.Globalization;
using System.IO.Pipes;
using System.Net;
using System.Net.Sockets;
using Wherry.Wasi;

namespace Wherry.Bench;

/// <summary>How long it takes until a guest has stopped, from the cancellation or the end of its time to the exception at the caller.</summary>
internal static class InterruptBenchmark
{
    private const int Port = 18_763;

    // What listens here takes no connection: its queue is full.
    private const int BusyPort = 18_764;

    // Until the guest is where it is to be interrupted.
    private static readonly TimeSpan Start = TimeSpan.FromMilliseconds(60);

    private static readonly (string Name, string Code)[] Guests =
    [
        ("empty loop", "(loop (br 0))"),
        ("busy loop", "(loop (i32.store (i32.and (local.get $i) (i32.const 65532)) (i32.mul (local.get $i) (local.get $i))) (local.set $i (i32.add (local.get $i) (i32.const 4))) (br 0))"),
        ("recursion", "(loop (drop (call $fibonacci (i32.const 40))) (br 0))"),
        ("memory.fill", "(loop (memory.fill (i32.const 0) (i32.const 7) (i32.const 0x3fff0000)) (br 0))"),
        ("memory.copy", "(loop (memory.copy (i32.const 0x20000000) (i32.const 0) (i32.const 0x1fff0000)) (br 0))"),
        ("stdin", "(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)))"),
        ("FIFO", "(drop (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 40))) (drop (call $read (i32.load (i32.const 40)) (i32.const 0) (i32.const 1) (i32.const 32)))"),
        ("poll (sleep)", "(i64.store (i32.const 104) (i64.const 3600000000000)) (drop (call $poll (i32.const 80) (i32.const 160) (i32.const 1) (i32.const 32)))"),
        ("accept", "(drop (call $accept (i32.const 4) (i32.const 0) (i32.const 40)))"),
        ("receive", "(drop (call $accept (i32.const 4) (i32.const 0) (i32.const 40))) (drop (call $read (i32.load (i32.const 40)) (i32.const 0) (i32.const 1) (i32.const 32)))"),
        ("connect", "(drop (call $socket (i32.const 1) (i32.const 2) (i32.const 40))) (drop (call $connect (i32.load (i32.const 40)) (i32.const 200) (i32.const 18764)))"),
        ("host function", "(call $wait)"),
    ];

    public static async Task<int> RunAsync(Settings settings)
    {
        int rounds = settings.Number("rounds", 20);
        string file = Path.Combine(settings.Cache, "interrupt.wasm");
        string native = Path.ChangeExtension(file, ".cwasm");
        await File.WriteAllBytesAsync(file, WatConverter.ToBinary(CreateText(), emitNames: true));
        bool isCompiled = MeasuredProcess.Run([.. settings.Wherry, "compile", file, "-o", native], TimeSpan.FromMinutes(1)).Succeeded;

        using var busy = new TcpListener(IPAddress.Loopback, BusyPort);
        busy.Start(0);
        using var waiting = new TcpClient();
        await waiting.ConnectAsync(IPAddress.Loopback, BusyPort);

        using var engine = new Engine();
        Console.WriteLine($"milliseconds from cancelling (or from the end of the time limit) to the exception: median and maximum of {rounds}");
        Console.WriteLine($"{"guest",-24}{"cancelled",20}{"time limit",20}");
        double worst = await MeasureAsync("", Module.LoadFile(engine, file), Guests, rounds);
        if (isCompiled)
        {
            worst = Math.Max(worst, await MeasureAsync(", native", Module.UnsafeLoadPrecompiled(engine, native), Guests[..3], rounds));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"longest: {worst:0.0} ms"));
        return isCompiled ? 0 : 1;
    }

    private static async Task<double> MeasureAsync(string suffix, Module module, (string Name, string Code)[] guests, int rounds)
    {
        double worst = 0;
        for (int i = 0; i < guests.Length; i++)
        {
            var cancelled = new List<double>();
            var limited = new List<double>();
            for (int round = 0; round < rounds; round++)
            {
                cancelled.Add(await InterruptAsync(module, i, usesTimeLimit: false));
                limited.Add(await InterruptAsync(module, i, usesTimeLimit: true));
            }

            worst = Math.Max(worst, Math.Max(cancelled.Max(), limited.Max()));
            Console.WriteLine($"{guests[i].Name + suffix,-24}{Show(cancelled),20}{Show(limited),20}");
        }

        return worst;
    }

    private static string Show(List<double> times) => string.Create(CultureInfo.InvariantCulture, $"{Statistics.Median(times):0.00} / {times.Max():0.00}");

    private static async Task<double> InterruptAsync(Module module, int guest, bool usesTimeLimit)
    {
        string folder = Directory.CreateTempSubdirectory("wherry-bench-").FullName;
        try
        {
            Process.Start("mkfifo", Path.Combine(folder, "fifo")).WaitForExit();
            using var input = new AnonymousPipeServerStream(PipeDirection.In);
            using var client = new TcpClient();
            using var context = new WasiContext(new WasiOptions
            {
                StandardInput = input,
                Directories = [new PreopenedDirectory("/", folder)],
                NetworkPolicy = NetworkPolicy.Host,
                TcpListeners = [new IPEndPoint(IPAddress.Loopback, Port)],
            });
            using var store = new Store(module.Engine, new StoreOptions { TimeLimit = usesTimeLimit ? Start : null });
            var linker = new Linker(module.Engine);
            context.AddTo(linker);
            linker.DefineFunction("host", "wait", () =>
            {
                CancellationToken token = store.InterruptionToken;
                _ = token.WaitHandle.WaitOne();
                token.ThrowIfCancellationRequested();
            });
            Function function = linker.Instantiate(store, module).GetFunction($"run{guest}")!;
            if (Guests[guest].Name == "receive")
            {
                await client.ConnectAsync(IPAddress.Loopback, Port);
            }

            using var cancellation = new CancellationTokenSource();
            long start = Stopwatch.GetTimestamp();
            Task<object?[]> call = function.CallAsync([], cancellation.Token);
            if (!usesTimeLimit)
            {
                await Task.Delay(Start);
                start = Stopwatch.GetTimestamp();
                await cancellation.CancelAsync();
            }

            try
            {
                _ = await call;
                throw new InvalidOperationException($"{Guests[guest].Name} ended by itself.");
            }
            catch (Exception exception) when (exception is OperationCanceledException or TrapException { Kind: TrapKind.TimeLimit })
            {
                TimeSpan time = Stopwatch.GetElapsedTime(start);
                return (usesTimeLimit ? time - Start : time).TotalMilliseconds;
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string CreateText() =>
        """
        (module
          (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "sock_open" (func $socket (param i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "sock_connect" (func $connect (param i32 i32 i32) (result i32)))
          (import "host" "wait" (func $wait))
          (memory (export "memory") 0x4000)
          (data (i32.const 0) "\00\01\00\00\10\00\00\00")
          (data (i32.const 64) "fifo")
          (data (i32.const 96) "\01")
          (data (i32.const 200) "\d0\00\00\00\04\00\00\00\7f\00\00\01")
          (func $fibonacci (param i32) (result i32)
            (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
              (then (local.get 0))
              (else (i32.add (call $fibonacci (i32.sub (local.get 0) (i32.const 1))) (call $fibonacci (i32.sub (local.get 0) (i32.const 2)))))))
        """ + string.Concat(Guests.Select((guest, i) => $"(func (export \"run{i}\") (local $i i32) {guest.Code})\n")) + ")";
}
