using System.Diagnostics;
using Wherry.Compilation;
using Wherry.Diagnostics;
using Wherry.Execution;

namespace Wherry;

/// <summary>
/// Samples the call stacks of a store's guests, by wall time. The engine must compile for it (<see cref="EngineOptions.Profiling"/>). A guest takes its own sample, at the next
/// function entry, loop head or return of an imported function after one is due: so time in code without any of these (the operations on whole memories, long straight code) counts for the function that comes next,
/// and small functions that were inlined for their callers. Time in an imported function that is called by name counts for that function.
/// </summary>
public sealed class GuestProfiler : IDisposable
{
    // What sampling may cost: deep stacks are sampled less often.
    private const int MaximumShare = 20;

    private readonly Store _store;
    private readonly TimeSpan _interval;
    private readonly Thread _thread;
    private readonly ProfileTree _tree = new();
    private readonly List<(int Node, long Time)> _samples = [];
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _cost;
    private readonly ManualResetEventSlim _stop = new();

    /// <summary>Starts to sample.</summary>
    /// <param name="store">The store whose guests are sampled.</param>
    /// <param name="interval">The time between samples; a millisecond unless given, a day at most.</param>
    /// <exception cref="InvalidOperationException">The store's engine does not compile for profiling, or another profiler samples it.</exception>
    public GuestProfiler(Store store, TimeSpan? interval = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        if (store.SampleRequest is not { } request)
        {
            throw new InvalidOperationException("The store's engine does not compile for profiling: set EngineOptions.Profiling.");
        }

        _store = store;
        _interval = interval ?? TimeSpan.FromMilliseconds(1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(_interval, TimeSpan.Zero, nameof(interval));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_interval, TimeSpan.FromDays(1), nameof(interval));
        if (Interlocked.CompareExchange(ref request.Profiler, this, null) is not null)
        {
            throw new InvalidOperationException("Another profiler samples the store.");
        }

        _thread = new Thread(RequestSamples, 128 * 1024) { IsBackground = true, Name = "Wherry profiler" };
        _thread.Start();
    }

    /// <summary>Ends sampling. What was sampled can still be saved.</summary>
    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        Interlocked.CompareExchange(ref _store.SampleRequest!.Profiler, null, this);
    }

    /// <summary>Writes what was sampled in Chrome's format for CPU profiles (<c>.cpuprofile</c>), which its DevTools and speedscope read.</summary>
    public void Save(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        lock (_samples)
        {
            CpuProfile.Write(stream, _tree, _samples, _start);
        }
    }

    /// <summary>Called by the guest.</summary>
    /// <param name="instance">Whose code looked.</param>
    /// <param name="import">The imported function that has just returned, or -1.</param>
    internal void Take(GuestInstance instance, int import)
    {
        long now = Stopwatch.GetTimestamp();
        var trace = new StackTrace(2, fNeedFileInfo: false);
        lock (_samples)
        {
            int node = ProfileTree.Root;
            foreach ((CompiledModule code, int function) in GuestStackWalker.FindFunctions(trace))
            {
                node = _tree.Enter(node, code.Module, function);
            }

            if (import >= 0)
            {
                node = _tree.Enter(node, instance.Code.Module, import);
            }

            _samples.Add((node, now));
        }

        Volatile.Write(ref _cost, Stopwatch.GetTimestamp() - now);
    }

    private void RequestSamples()
    {
        while (!_stop.Wait(TimeSpan.FromTicks(Math.Max(_interval.Ticks, Stopwatch.GetElapsedTime(0, Volatile.Read(ref _cost)).Ticks * MaximumShare))))
        {
            Volatile.Write(ref _store.SampleRequest!.IsWanted, 1);
        }
    }
}
