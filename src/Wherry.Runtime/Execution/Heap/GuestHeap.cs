using System.Runtime;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Wherry.Execution.Heap;

/// <summary>
/// Accounts for the objects of one store on the CLR's shared heap. Each allocation is charged before it is made. What is still alive is known by samples: about
/// one object in every <see cref="SampleBytes"/> stands, by a weak handle, for all bytes allocated since the sample before it, and every big
/// object stands for itself. When the charges reach the limit, dead samples are taken off; if that is not enough, a collection is forced first.
/// The heaps of a guest's threads form a group with one limit for their sum.
/// </summary>
internal sealed class GuestHeap
{
    /// <summary>The distance of samples. With a limit of 16 MiB this makes 1,024 of them: an error of a few percent.</summary>
    private const long SampleBytes = 16 * 1024;

    /// <summary>Above this, what a forced collection leaves alive counts as full: otherwise a guest near its limit would collect for each few bytes.</summary>
    private const double FullFraction = 0.95;

    // Made with the first sample: most guests have no objects.
    private SampleList? _samples;

    // Of the whole group: its heaps, if there are others, and what guards all of them.
    private List<GuestHeap>? _group;
    private readonly Lock _gate;

    /// <summary>What may still be charged until the next sample. Compiled code counts it down; see <see cref="Charge"/>.</summary>
    private long _budget = SampleBytes;

    private long _budgetGranted = SampleBytes;
    private long _charged;

    public GuestHeap(long limit)
    {
        Limit = limit;
        _gate = new Lock();
    }

    /// <summary>A heap that shares the limit of another.</summary>
    public GuestHeap(GuestHeap other)
    {
        Limit = other.Limit;
        _gate = other._gate;
        lock (_gate)
        {
            _group = other._group ??= [other];
            _group.Add(this);
        }
    }

    /// <summary>Bytes that objects of this store may take.</summary>
    public long Limit { get; }

    /// <summary>Bytes charged for objects that were alive when last counted, and for all since.</summary>
    public long Used
    {
        get
        {
            lock (_gate)
            {
                return _charged + (_budgetGranted - _budget);
            }
        }
    }

    /// <summary>Charges an allocation that is about to be made.</summary>
    /// <returns>Whether <see cref="BeginSample"/> is to be called before it is made, and <see cref="Register"/> after.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Charge(long bytes)
    {
        long left = _budget - bytes;
        _budget = left;
        return left < 0;
    }

    /// <summary>Looks whether the allocation that was charged last can still be made.</summary>
    /// <exception cref="GuestTrapException">The limit is reached.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void BeginSample()
    {
        lock (_gate)
        {
            if (Exceeds(1.0))
            {
                RecountGroup();
                if (Exceeds(FullFraction))
                {
                    GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true);
                    RecountGroup();
                    if (Exceeds(FullFraction))
                    {
                        // The allocation that failed was not made.
                        _budget = _budgetGranted;
                        HeapThrow.HeapExhausted(Limit);
                    }
                }
            }
        }
    }

    /// <summary>Makes the object stand for everything charged since the last one.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Register(object sample)
    {
        lock (_gate)
        {
            long weight = _budgetGranted - _budget;
            _charged += weight;
            (_samples ??= new SampleList()).Items.Add(new Sample(GCHandle.Alloc(sample, GCHandleType.Weak), weight));
            Grant();
        }
    }

    /// <summary>Takes the heap out of its group: its store is done with, and what it has left is garbage.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            _ = _group?.Remove(this);
        }
    }

    private bool Exceeds(double fraction) => ChargedByGroup() + (_budgetGranted - _budget) > Limit * fraction;

    // What the other heaps have charged since their last samples is little, and left out.
    private long ChargedByGroup()
    {
        long charged = _charged;
        if (_group is not null)
        {
            foreach (GuestHeap other in _group)
            {
                charged += other != this ? other._charged : 0;
            }
        }

        return charged;
    }

    private void RecountGroup()
    {
        if (_group is null)
        {
            Recount();
            return;
        }

        foreach (GuestHeap heap in _group)
        {
            heap.Recount();
        }
    }

    private void Recount()
    {
        long alive = 0;
        int kept = 0;
        List<Sample> samples = _samples?.Items ?? [];
        for (int i = 0; i < samples.Count; i++)
        {
            Sample sample = samples[i];
            if (sample.Handle.Target is null)
            {
                sample.Handle.Free();
                continue;
            }

            alive += sample.Weight;
            samples[kept++] = sample;
        }

        samples.RemoveRange(kept, samples.Count - kept);
        _charged = alive;
    }

    private void Grant()
    {
        // Near the limit the samples come closer, so that it is not overrun by much.
        _budgetGranted = Math.Clamp((Limit - ChargedByGroup()) / 16, 512, SampleBytes);
        _budget = _budgetGranted;
    }

    private readonly record struct Sample(GCHandle Handle, long Weight);

    private sealed class SampleList
    {
        public readonly List<Sample> Items = [];

        // The store may be dropped without a word: the handles go with it. No other thread sees the heap then.
        ~SampleList()
        {
            foreach (Sample sample in Items)
            {
                sample.Handle.Free();
            }
        }
    }
}
