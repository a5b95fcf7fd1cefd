using Wherry.Execution;
using Wherry.Wasi.Abi;

namespace Wherry.Wasi.Threads;

/// <summary>
/// The threads of one guest (wasi-threads). Each runs an instance of its own of the module, in a store of its own on a thread of the system, with the memory, the
/// linker's definitions and the context in common. What ends one of them, other than a return, ends all: a trap and an exit reach the store that the guest
/// was started in, which passes its own interruption on to them.
/// </summary>
internal sealed partial class ThreadGroup(Linker linker, Store main, int maximumThreads, Action<bool>? runs = null)
{
    public const string EntryName = "wasi_thread_start";

    /// <summary>Ids are positive, and their upper bits are the guest's.</summary>
    private const int LargestId = (1 << 29) - 1;

    // As deep as the threads that Wherry makes for calls; with a limit, what the limit leaves room for, and what is kept free below.
    private const int StackBytes = 16 << 20;
    private const long SmallestStackBytes = 2 << 20;

    // Pulsed when a thread has ended.
    private readonly object gate = new();
    private readonly Dictionary<int, GuestThread> threads = [];
    private CancellationToken watchedToken;
    private CancellationTokenRegistration registration;
    private int lastId;
    private bool isEnding;

    [WasmFunction("thread-spawn")]
    internal int Spawn(Caller caller, int argument)
    {
        Module module = caller.Instance.Module;
        if (!CanRunThreads(module))
        {
            return -(int)Errno.Notsup;
        }

        GuestThread thread;
        lock (gate)
        {
            if (isEnding || threads.Count >= maximumThreads)
            {
                return -(int)Errno.Again;
            }

            WatchMain();
            var store = new Store(main);
            if (!store.Account.TryReserveInstance())
            {
                store.Dispose();
                return -(int)Errno.Again;
            }

            thread = new GuestThread(NextId(), store, module, argument);
            thread.Thread = new Thread(() => Run(thread), StackSize()) { IsBackground = true, Name = $"guest thread {thread.Id}" };
            threads.Add(thread.Id, thread);
        }

        if (main.IsInterrupted)
        {
            // It may have been interrupted before the thread was there to hear of it.
            thread.Store.InterruptAs(main);
        }

        try
        {
            thread.Thread.UnsafeStart();
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            // The system has none left.
            Remove(thread);
            return -(int)Errno.Again;
        }

        return thread.Id;
    }

    /// <summary>Ends all threads and waits until they have. Afterwards new ones may be started.</summary>
    public void End()
    {
        GuestThread[] running;
        lock (gate)
        {
            isEnding = true;
            running = [.. threads.Values];
        }

        foreach (GuestThread thread in running)
        {
            thread.Store.Interrupt();
        }

        lock (gate)
        {
            while (threads.Count > 0)
            {
                _ = Monitor.Wait(gate);
            }

            _ = registration.Unregister();
            watchedToken = default;
            isEnding = false;
        }
    }

    private static bool CanRunThreads(Module module) => module.Exports.Any(static export => export.Name == EntryName
        && export.Type.Function is { Parameters: [var id, var argument], Results.Length: 0 } && id == WasmValueType.I32 && argument == WasmValueType.I32);

    private void Run(GuestThread thread)
    {
        runs?.Invoke(true);
        try
        {
            Instance instance = linker.Instantiate(thread.Store, thread.Module);
            instance.GetFunction<Action<int, int>>(EntryName)!(thread.Id, thread.Argument);
        }
        catch (Exception) when (thread.Store.IsInterrupted)
        {
            // All end, for another reason.
        }
        catch (LinkException exception)
        {
            EndAllBecause(TrapTranslator.Create(TrapKind.OutOfResources, $"a thread of the guest can't be started: {exception.Message}"));
        }
#pragma warning disable CA1031 // Whatever it is, it ends the guest, whose first thread throws it.
        catch (Exception exception)
        {
            EndAllBecause(exception);
        }
#pragma warning restore CA1031
        finally
        {
            runs?.Invoke(false);
            Remove(thread);
        }
    }

    private void EndAllBecause(Exception cause)
    {
        lock (gate)
        {
            if (isEnding)
            {
                return;
            }
        }

        main.InterruptBecause(cause);
    }

    private void Remove(GuestThread thread)
    {
        thread.Store.Dispose();
        lock (gate)
        {
            _ = threads.Remove(thread.Id);
            Monitor.PulseAll(gate);
        }
    }

    private int NextId()
    {
        do
        {
            lastId = lastId == LargestId ? 1 : lastId + 1;
        }
        while (threads.ContainsKey(lastId));
        return lastId;
    }

    private int StackSize() => main.Options.Limits.StackBytes is long bytes
        ? (int)Math.Clamp(bytes + SmallestStackBytes, SmallestStackBytes, 1 << 30)
        : StackBytes;

    /// <summary>Passes interruptions of the main store on. After one that has ended, the store has another token.</summary>
    private void WatchMain()
    {
        CancellationToken token = main.InterruptionToken;
        if (token != watchedToken)
        {
            // Without waiting for what may be under way: that wants the gate.
            _ = registration.Unregister();
            watchedToken = token;
            registration = token.UnsafeRegister(static state => ((ThreadGroup)state!).InterruptAll(), this);
        }
    }

    private void InterruptAll()
    {
        GuestThread[] running;
        lock (gate)
        {
            running = [.. threads.Values];
        }

        foreach (GuestThread thread in running)
        {
            thread.Store.InterruptAs(main);
        }
    }
}
