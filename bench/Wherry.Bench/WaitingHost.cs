using System.Diagnostics;
using System.Globalization;
using System.Net;
using Wherry.Execution.Suspension;
using Wherry.Wasi;
using Wherry.Wasi.Scheduling;

namespace Wherry.Bench;

/// <summary>
/// The process that hosts order services for <see cref="WaitingBenchmark"/>: WAY COUNT PORT MODULE. It answers each line of its input with one of its own, and ends with the input.
/// </summary>
internal sealed class WaitingHost : IDisposable
{
    /// <summary>The first argument of the process.</summary>
    public const string Child = "waiting-child";

    /// <summary>A thread for each guest, as without suspension.</summary>
    public const string Threads = "threads";

    /// <summary>Guests that have no thread while they wait.</summary>
    public const string Turns = "turns";

    private const int StackBytes = 16 << 20;
    private const int PortsOfAddress = 1_000;

    private readonly Engine engine;
    private readonly Module module;
    private readonly InstancePool pool;
    private readonly bool turns;
    private readonly int firstPort;
    private readonly Store[] stores;
    private readonly GuestCallTask?[] tasks;
    private int listening;
    private int ended;
    private string? failure;

    private WaitingHost(string way, int count, int firstPort, string path)
    {
        turns = way == Turns;
        this.firstPort = firstPort;
        engine = new Engine(new EngineOptions { MayWait = turns ? WaitingImports.MayWait : null });
        module = Module.UnsafeLoadPrecompiled(engine, path);
        stores = new Store[count];
        tasks = new GuestCallTask?[count];
        var linker = new Linker(engine);
        WasiContext.AddTo(linker, store => CreateOptions((int)store.UserState!));
        pool = new InstancePool(linker, module, new InstancePoolOptions { StoreOptions = StoreOptions.Default });
    }

    /// <summary>Where a service is reached: a thousand ports at each of some addresses of this machine, since what connects takes ports too.</summary>
    public static IPEndPoint EndPointOf(int firstPort, int index) => new(new IPAddress([127, 0, 77, (byte)(1 + (index / PortsOfAddress))]), firstPort + (index % PortsOfAddress));

    public static int Run(string[] arguments)
    {
        using var host = new WaitingHost(arguments[0], int.Parse(arguments[1], CultureInfo.InvariantCulture), int.Parse(arguments[2], CultureInfo.InvariantCulture), arguments[3]);
        while (Console.ReadLine() is { } line)
        {
            string[] words = line.Split(' ');
            Console.WriteLine(words[0] switch
            {
                "start" => host.Start(int.Parse(words[1], CultureInfo.InvariantCulture), int.Parse(words[2], CultureInfo.InvariantCulture)),
                "describe" => host.Describe(all: true),
                _ => host.Describe(all: false),
            });
        }

        return 0;
    }

    public void Dispose()
    {
        pool.Dispose();
        engine.Dispose();
    }

    private WasiOptions CreateOptions(int index) => new()
    {
        Arguments = ["orders"],
        Environment = new Dictionary<string, string> { ["PORT"] = EndPointOf(firstPort, index).Port.ToString(CultureInfo.InvariantCulture) },
        NetworkPolicy = new NetworkPolicy { PublishedPorts = [new PublishedPort(EndPointOf(firstPort, index).Port, address: EndPointOf(firstPort, index).Address)], Listening = _ => Interlocked.Increment(ref listening) },
        StandardOutput = Stream.Null,
        StandardInput = Stream.Null,
        Scheduler = turns ? GuestScheduler.Shared : null,
    };

    private string Start(int first, int count)
    {
        var watch = Stopwatch.StartNew();
        for (int i = first; i < first + count; i++)
        {
            PooledInstance instance = pool.Instantiate(i);
            stores[i] = instance.Store;
            Function start = instance.Instance.GetFunction("_start")!;
            if (turns)
            {
                tasks[i] = GuestCallTask.Start(GuestScheduler.Shared, () => new SuspendableCall(start));
                _ = tasks[i]!.Completion.ContinueWith(task => End(task.Exception?.InnerException), TaskScheduler.Default);
            }
            else
            {
                new Thread(() => RunOnThread(instance), StackBytes) { IsBackground = true }.Start();
            }
        }

        while (Volatile.Read(ref listening) < first + count && Volatile.Read(ref ended) == 0)
        {
            Thread.Sleep(5);
        }

        return string.Create(CultureInfo.InvariantCulture, $"{watch.Elapsed.TotalSeconds} {failure}");
    }

    private void RunOnThread(PooledInstance instance)
    {
        try
        {
            _ = WasiCommand.Run(instance.Instance);
            End(null);
        }
        catch (Exception exception) when (exception is TrapException or IOException)
        {
            End(exception);
        }
    }

    private void End(Exception? exception)
    {
        failure = exception?.Message.ReplaceLineEndings(" ") ?? "a guest has ended";
        Interlocked.Increment(ref ended);
    }

    /// <summary>Threads, bytes of RSS and page tables, bytes that the guests wrote to their memories, bytes that are mapped of what all share, nanoseconds of processors, how many guests wait without a thread, how many have ended.</summary>
    private string Describe(bool all)
    {
        double before = Environment.CpuUsage.TotalTime.TotalNanoseconds;
        double guestBytes = 0;
        if (all)
        {
            GC.Collect();
            guestBytes = GuestBytes();
        }

        string[] status = File.ReadAllLines("/proc/self/status");
        double Field(string name) => status.Where(line => line.StartsWith(name, StringComparison.Ordinal))
            .Sum(line => double.Parse(line.Split(' ', '\t').First(word => word.Length > 0 && char.IsAsciiDigit(word[0])), CultureInfo.InvariantCulture));
        int mappings = File.ReadLines("/proc/self/maps").Count();
        int handles = Directory.GetFiles("/proc/self/fd").Length;
        double processor = all ? Environment.CpuUsage.TotalTime.TotalNanoseconds : before;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Field("Threads:")} {1024 * (Field("VmRSS:") + Field("VmPTE:"))} {guestBytes} {1024 * Field("RssShmem:")} {processor} {tasks.Count(task => task?.IsWaiting == true)} {ended} {mappings} {handles} {failure}");
    }

    // What lies between the first memory and the end of the last is the arena of all of them.
    private unsafe double GuestBytes()
    {
        ulong low = ulong.MaxValue;
        ulong high = 0;
        foreach (Store store in stores)
        {
            if (store?.PooledMemoryBase is { } address)
            {
                low = Math.Min(low, address);
                high = Math.Max(high, address + (4UL << 30));
            }
        }

        double kilobytes = 0;
        bool isGuest = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            if (line.Contains('-', StringComparison.Ordinal) && ulong.TryParse(line.AsSpan(0, line.IndexOf('-', StringComparison.Ordinal)), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong start))
            {
                isGuest = start >= low && start < high;
            }
            else if (isGuest && line.StartsWith("Private_Dirty:", StringComparison.Ordinal))
            {
                kilobytes += double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
            }
        }

        return kilobytes * 1024;
    }
}
