using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Wherry.Wasi;

namespace Wherry.Bench;

/// <summary>WASI's functions, called by a guest's loop, beside the system calls that they make, called from .NET (P/Invoke) with the same arguments.</summary>
internal static unsafe partial class SystemCallsBenchmark
{
    private const int Size = 64;
    private const int RandomSize = 16;
    private const int WarmRounds = 20;
    private const int WarmPause = 100;
    private const int Monotonic = 1;
    private const int WriteOnly = 1;

    private const string Guest = """
        (module
          (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
          (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
          (memory (export "memory") 1)
          (global $file (mut i32) (i32.const -1))
          (data (i32.const 0) "null")
          (data (i32.const 8) "\00\04\00\00\40\00\00\00")
          (func (export "open") (result i32) (local $error i32)
            (local.set $error (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 32)))
            (global.set $file (i32.load (i32.const 32)))
            (local.get $error))
          (func (export "fd_write") (param $n i32) (result i32) (local $errors i32)
            (loop $next
              (local.set $errors (i32.or (local.get $errors) (call $write (global.get $file) (i32.const 8) (i32.const 1) (i32.const 24))))
              (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $errors))
          (func (export "clock_time_get") (param $n i32) (result i32) (local $errors i32)
            (loop $next
              (local.set $errors (i32.or (local.get $errors) (call $time (i32.const 1) (i64.const 0) (i32.const 40))))
              (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $errors))
          (func (export "random_get") (param $n i32) (result i32) (local $errors i32)
            (loop $next
              (local.set $errors (i32.or (local.get $errors) (call $random (i32.const 2048) (i32.const 16))))
              (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $errors)))
        """;

    public static int Run(Settings settings)
    {
        int rounds = settings.Number("rounds", 40), calls = settings.Number("repetitions", 20_000);
        using var engine = new Engine();
        using var context = new WasiContext(new WasiOptions { Directories = [new PreopenedDirectory("/dev", "/dev")] });
        using var store = new Store(engine);
        var linker = new Linker(engine);
        context.AddTo(linker);
        Instance instance = linker.Instantiate(store, Module.Load(engine, WatConverter.ToBinary(Guest)));
        int error = instance.GetFunction<Func<int>>("open")!();
        int file = Open("/dev/null", WriteOnly);
        if (error != 0 || file < 0)
        {
            Console.Error.WriteLine($"/dev/null can't be opened: {error}, {file}");
            return 1;
        }

        Console.WriteLine($"nanoseconds a call: the least of {rounds} rounds of {calls} calls, in turn; ratio");
        _ = Compare("fd_write", instance, WriteBare) + Compare("clock_time_get", instance, ReadClock) + Compare("random_get", instance, GetRandomBytes);
        _ = Close(file);
        return 0;

        void WriteBare()
        {
            // Sound: the buffer has the bytes.
            byte* buffer = stackalloc byte[Size];
            for (int i = 0; i < calls; i++)
            {
                _ = Write(file, buffer, Size);
            }
        }

        void ReadClock()
        {
            // Sound: struct timespec is two longs on 64-bit systems.
            long* time = stackalloc long[2];
            for (int i = 0; i < calls; i++)
            {
                _ = GetTime(Monotonic, time);
            }
        }

        void GetRandomBytes()
        {
            // Sound: the buffer has the bytes.
            byte* buffer = stackalloc byte[RandomSize];
            for (int i = 0; i < calls; i++)
            {
                _ = GetRandom(buffer, RandomSize, 0);
            }
        }

        double Compare(string name, Instance guest, Action bare)
        {
            Func<int, int> function = guest.GetFunction<Func<int, int>>(name)!;
            double ours = double.MaxValue, theirs = double.MaxValue;

            // Until the JIT's second tier has both, however busy the machine is.
            for (int round = 0; round < WarmRounds; round++)
            {
                _ = function(calls);
                bare();
                Thread.Sleep(WarmPause);
            }

            for (int round = 0; round < rounds; round++)
            {
                int errors = 0;
                ours = Math.Min(ours, Time(() => errors = function(calls)));
                theirs = Math.Min(theirs, Time(bare));
                if (errors != 0)
                {
                    throw new InvalidOperationException($"{name} failed: {errors}");
                }
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-16}{ours / calls,9:0.0} / {theirs / calls,7:0.0}   × {ours / theirs:0.00}"));
            return ours / theirs;
        }
    }

    private static double Time(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int file, byte* buffer, nuint size);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, long* time);

    [LibraryImport("libc", EntryPoint = "getrandom")]
    private static partial nint GetRandom(byte* buffer, nuint size, uint flags);
}
