using Wherry.Execution;
using Wherry.Execution.Heap;
using Wherry.Execution.Memories;
using Wherry.Execution.Pooling;
using Wherry.Execution.Suspension;

namespace Wherry;

/// <summary>
/// What instances live in: those of one store may share functions, memories, tables and globals, and together keep its limits. A store's guests
/// run on one thread at a time; which one may change between calls. A second thread that enters meanwhile gets an <see cref="InvalidOperationException"/>.
/// </summary>
public sealed unsafe partial class Store : IDisposable
{
    // Guards the lists and the state of interruption.
    private readonly object _lock = new();
    private readonly CancellationTokenRegistration _cancellation;
    private WeakList _guests;
    private WeakList _memories;
    private SafepointPage? _safepointPage;
    private bool _isDisposed;

    // The only guest, where the store is a pooled instance's own.
    private GuestInstance? _pooledGuest;
    private HostObjects? _hostObjects;

    /// <summary>A store.</summary>
    public Store(Engine engine, StoreOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(engine);
        Engine = engine;
        Options = options ?? StoreOptions.Default;
        Account = new ResourceAccount(Options.Limits);
        Heap = new GuestHeap(Options.Limits.HeapBytes);
        if (engine.Options.FuelCosts is not null)
        {
            Meter = new Meter(Options.Fuel ?? long.MaxValue);
        }
        else if (Options.Fuel is not null)
        {
            throw new ArgumentException("Fuel needs an engine that counts instructions: set EngineOptions.FuelCosts, to FuelCosts.Default for example.", nameof(options));
        }

        SampleRequest = SampleRequest.Create(engine.Options);
        FrameBudget = engine.Options.Deterministic ? new FrameBudget() : null;
        _suspension = engine.Options.MayWait is null ? null : new GuestSuspension(this);
        _usesCallScope = Options.HasTimeLimit;
        _setsStackAtEachCall = Options.Limits.StackBytes is not null;
        _mayBias = MayBias();

        // The token may live for longer than the store, and must not keep it.
        if (Options.CancellationToken.CanBeCanceled)
        {
            var self = new WeakReference<Store>(this);
            _cancellation = Options.CancellationToken.UnsafeRegister(
                static state =>
                {
                    if (((WeakReference<Store>)state!).TryGetTarget(out Store? store))
                    {
                        store.Interrupt();
                    }
                },
                self);
        }
    }

    /// <summary>A store for a thread that a guest of another store starts. Both take from the limits of the other; its calls have no time limit of their own.</summary>
    internal Store(Store starter)
    {
        Engine = starter.Engine;
        Options = starter.Options with { TimeLimit = null, CancellationToken = default };
        Account = new ResourceAccount(Options.Limits, starter.Account);
        Heap = new GuestHeap(starter.Heap);
        UserState = starter.UserState;
        Meter = starter.Meter?.Split();

        // All are held together; samples are taken of the first one only.
        SampleRequest = starter.SampleRequest?.Gate is not null ? starter.SampleRequest : SampleRequest.Create(Engine.Options);
        _setsStackAtEachCall = Options.Limits.StackBytes is not null;
        _mayBias = MayBias();
    }

    /// <summary>What asks its guests for samples and holds them, if the engine compiles for that. Threads that a guest starts are not sampled.</summary>
    internal SampleRequest? SampleRequest { get; }

    /// <summary>The stack in the sizes of Wasm's frames, if the engine is deterministic.</summary>
    internal FrameBudget? FrameBudget { get; }

    /// <summary>The engine of its modules.</summary>
    public Engine Engine { get; }

    /// <summary>What bounds its guests.</summary>
    public StoreOptions Options { get; }

    /// <summary>What its guests have taken of memories, tables and instances.</summary>
    internal ResourceAccount Account { get; }

    /// <summary>Accounts for the structs and arrays of its guests.</summary>
    internal GuestHeap Heap { get; }

    internal PendingException PendingException { get; } = new();

    /// <summary>Of a pooled instance's store.</summary>
    internal PoolPlace? PoolPlace { get; init; }

    /// <summary>For the embedder: whatever its host functions need to find.</summary>
    public object? UserState { get; set; }

    /// <summary>For instances without a memory of their own.</summary>
    internal byte* SafepointPage
    {
        get
        {
            lock (_lock)
            {
                if (_safepointPage is null)
                {
                    _safepointPage = new SafepointPage();
                    if (_reason != InterruptionReason.None)
                    {
                        SafepointPages.SetInterrupted(_safepointPage.Address, true);
                    }
                }

                return _safepointPage.Address;
            }
        }
    }

    /// <summary>
    /// Gives back the memories of all instances at once, rather than when nothing references them any more, and refuses later calls. If a guest is
    /// running, it is interrupted, and the memories are given back when it has ended.
    /// </summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            RevokeBias(ThreadNumber.Current);
        }

        _cancellation.Dispose();
        if (Interlocked.CompareExchange(ref _owner, DisposedOwner, 0) == 0)
        {
            ReleaseMemories();
        }
        else
        {
            Interrupt();
            if (Interlocked.CompareExchange(ref _owner, DisposedOwner, 0) == 0)
            {
                ReleaseMemories();
            }
        }
    }

    internal void Register(Memory memory)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _memories.Add(memory);
            if (_reason != InterruptionReason.None && !memory.Type.IsShared)
            {
                memory.SetInterrupted(true);
            }
        }
    }

    /// <summary>Gives an instance its stack limit, now and whenever another thread enters. Its safepoint page is set before.</summary>
    internal void Register(GuestInstance guest)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _guests.Add(guest);
            PrepareSuspension(guest);
            guest.StackLimit = _reason != InterruptionReason.None ? nint.MaxValue : _stackLimit;
        }
    }

    /// <summary>The same for a pooled instance and its memories, which the store keeps: they live as long as it does.</summary>
    internal void RegisterPooled(GuestInstance guest)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _pooledGuest = guest;
            PrepareSuspension(guest);
            bool isInterrupted = _reason != InterruptionReason.None;
            guest.StackLimit = isInterrupted ? nint.MaxValue : _stackLimit;
            if (isInterrupted)
            {
                SetPages(isInterrupted: true);
            }
        }
    }

    /// <summary>An object that the host has for this store, made when it is first asked for. What can be disposed is disposed with the store.</summary>
    internal object GetHostObject(object key, Func<Store, object> create)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed && _owner == DisposedOwner, this);
            _hostObjects ??= new HostObjects();
        }

        return _hostObjects.Get(key, create, this);
    }

    /// <summary>The guest's address of a place in one of its memories.</summary>
    internal ulong? FindAddress(nint place)
    {
        // The memory with the nearest base below: unchecked accesses reach at most 8 GiB behind it.
        ulong? found = null;
        lock (_lock)
        {
            foreach (Memory memory in GetMemories())
            {
                nint @base = (nint)memory.Base;
                if (@base != 0 && place >= @base && (ulong)(place - @base) < MemoryArena.SlotSize && (found is null || (ulong)(place - @base) < found))
                {
                    found = (ulong)(place - @base);
                }
            }
        }

        return found;
    }

    private void ReleaseMemories()
    {
        SafepointPage? page;
        lock (_lock)
        {
            page = _safepointPage;
            _safepointPage = null;
        }

        try
        {
            _hostObjects?.Dispose();
        }
        finally
        {
            if (_pooledGuest is not null)
            {
                foreach (Memory memory in _pooledGuest.PooledMemories)
                {
                    memory.EndUse();
                }
            }

            foreach (Memory memory in _memories.GetAll())
            {
                memory.EndUse();
            }

            page?.Dispose();
            Heap.Leave();
            Account.Close();
            PoolPlace?.Dispose();
        }
    }

    private object[] GetMemories() => _pooledGuest is null ? _memories.GetAll() : [.. _memories.GetAll(), .. _pooledGuest.PooledMemories];
}
