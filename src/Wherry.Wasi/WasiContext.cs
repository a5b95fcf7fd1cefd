using System.Runtime.CompilerServices;
using Wherry.Wasi.Descriptors;
using Wherry.Wasi.Determinism;
using Wherry.Wasi.Paths;
using Wherry.Wasi.Scheduling;
using Wherry.Wasi.Waiting;

namespace Wherry.Wasi;

/// <summary>
/// WASI preview 1 and the socket extension for one guest: its file descriptors and all that <see cref="WasiOptions"/> gave it. One thread
/// at a time may run a guest on a context, and the threads that the guest itself starts. Dispose it when the guest has ended: its threads are ended, and all
/// that it left open is closed.
/// </summary>
/// <remarks>
/// The functions are parts of this class by concern. Each comes as a pair: an attributed one line method with the Wasm signature
/// (<c>[WasmFunction("fd_write")] internal int FdWrite(Caller caller, int fd, …) =&gt; (int)FdWrite(new GuestCall(…), fd, …)</c>), and the function itself,
/// which takes a <see cref="GuestCall"/> and answers with an Errno. Functions that can wait return ValueTask in both and wait through
/// <see cref="Waiter"/> only.
/// </remarks>
public sealed partial class WasiContext : IDisposable
{
    private const string Preview1 = "wasi_snapshot_preview1";
    private const string Unstable = "wasi_unstable";

    private readonly PathResolver resolver;
    private readonly RandomSource? randomSource;
    private bool disposed;

    /// <summary>Opens what the options name.</summary>
    public WasiContext(WasiOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("WASI is little-endian, and this system is not.");
        }

        if (options.Deterministic)
        {
            CheckDeterministic(options);
        }

        Options = options;
        Waiter = new Waiter(Turns, options.Scheduler is null ? null : CreateWait(options.Scheduler));
        UsesSystemClocks = OperatingSystem.IsLinux() && options.HasSystemTime && !options.Deterministic;
        randomSource = options.RandomSource;
        if (options.Deterministic)
        {
            (VirtualClock, FileNumbers) = CreateWorld();
            randomSource ??= CreateRandom(options.RandomSeed);
        }

        arguments = EncodeArguments(options.Arguments);
        environment = EncodeEnvironment(options.Environment);
        resolver = PathResolver.Create(options.PathResolution);
        Descriptors = new DescriptorTable(options.MaximumDescriptors, isOneOfMany: options.NetworkMember is not null);
        try
        {
            OpenStandardStreams();
            OpenDirectories();
            if (options.HasTcpListeners)
            {
                OpenTcpListeners();
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    // Apart, as is what follows: the runtime loads all types that a method may use before it runs.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CheckDeterministic(WasiOptions options)
    {
        if (options.NetworkPolicy.AllowsEverything || options.NetworkPolicy.Predicate is not null || options.HasTcpListeners
            || !options.NetworkPolicy.PublishedPorts.IsEmpty || !options.NetworkPolicy.ConnectRules.IsEmpty)
        {
            throw new ArgumentException("A deterministic guest can't have a network: what comes from it is different each time.", nameof(options));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static GuestWait CreateWait(GuestScheduler scheduler) => new(scheduler);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (VirtualClock Clock, FileNumbers Numbers) CreateWorld() => (new VirtualClock(), new FileNumbers());

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static RandomSource CreateRandom(ulong seed) => new SeededRandom(seed).Fill;

    /// <summary>What the guest was given.</summary>
    public WasiOptions Options { get; }

    /// <summary>The guest's file descriptors.</summary>
    internal DescriptorTable Descriptors { get; }

    /// <summary>The time of a deterministic guest; null for others.</summary>
    internal VirtualClock? VirtualClock { get; }

    /// <summary>What a deterministic guest sees of files; null for others.</summary>
    internal FileNumbers? FileNumbers { get; }

    /// <summary>Every wait of the guest goes through it.</summary>
    internal Waiter Waiter { get; }

    /// <summary>Taken by the guest's threads, if it has any.</summary>
    internal Turns Turns { get; } = new();

    /// <summary>
    /// Defines WASI's functions in a linker, for guests that import them from <c>wasi_snapshot_preview1</c> or its predecessor <c>wasi_unstable</c>. What was
    /// defined there before, by the same name and type, stays: so single functions can be replaced.
    /// </summary>
    public void AddTo(Linker linker)
    {
        ArgumentNullException.ThrowIfNull(linker);

        // Several functions have one name and differ in type. Of equal ones, the first is taken.
        linker.DefineMethods(Preview1, HostMethods.Table, _ => this, replaces: false);
        var unstable = new UnstableFunctions(this);
        linker.DefineMethods(Unstable, UnstableFunctions.HostMethods.Table, _ => unstable, replaces: false);
        linker.DefineMethods(Unstable, HostMethods.Table, _ => this, replaces: false);
    }

    /// <summary>
    /// The same for guests of any stores, each store having a context of its own: for an <see cref="InstancePool"/>. The context is made when the store's guest first calls one of the functions (without a
    /// pool: when the first is linked), and disposed with the store. Such guests have no threads.
    /// </summary>
    /// <param name="linker">The linker.</param>
    /// <param name="getOptions">What the guest of a store is given; <see cref="Store.UserState"/> can tell whose it is.</param>
    public static void AddTo(Linker linker, Func<Store, WasiOptions> getOptions)
    {
        ArgumentNullException.ThrowIfNull(linker);
        ArgumentNullException.ThrowIfNull(getOptions);
        object key = new();
        object unstableKey = new();
        WasiContext GetContext(Store store) => (WasiContext)store.GetHostObject(key, store => new WasiContext(getOptions(store)));

        linker.DefineMethods(Preview1, HostMethods.Table, GetContext, replaces: false);
        linker.DefineMethods(Unstable, UnstableFunctions.HostMethods.Table, store => store.GetHostObject(unstableKey, store => new UnstableFunctions(GetContext(store))), replaces: false);
        linker.DefineMethods(Unstable, HostMethods.Table, GetContext, replaces: false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!disposed)
        {
            disposed = true;
            Threads?.End();
            Descriptors.Dispose();
            DisposePolling();
            Waiter.Dispose();
            Turns.Dispose();
        }
    }

    /// <summary>Gives back what poll_oneoff holds.</summary>
    partial void DisposePolling();

    /// <summary>Opens <see cref="WasiOptions.TcpListeners"/>; part of the sockets.</summary>
    partial void OpenTcpListeners();
}
