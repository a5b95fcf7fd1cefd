namespace Wherry.Tests.Execution.Threads;

/// <summary>Runs guests that share a memory, each in a store of its own on a thread of its own.</summary>
internal static class GuestThreads
{
    public static readonly MemoryType OnePage = new(1, 1, IsShared: true);

    /// <summary>An instance in a new store that imports the memory as "env" "memory".</summary>
    public static Instance Instantiate(Module module, Memory memory, StoreOptions? options = null)
    {
        var linker = new Linker(module.Engine);
        linker.Define("env", "memory", memory);
        return linker.Instantiate(new Store(module.Engine, options), module);
    }

    /// <summary>Calls one function of the module for each name, all at once, and waits for all.</summary>
    public static void Run(Module module, Memory memory, params string[] functions)
    {
        Run([.. functions.Select(function => (Action)(() =>
        {
            Instance instance = Instantiate(module, memory);
            _ = instance.GetFunction(function)!.Invoke();
            instance.Store.Dispose();
        }))]);
    }

    /// <summary>Runs all on threads of their own; what one of them throws fails the test.</summary>
    public static void Run(params Action[] actions)
    {
        var failures = new List<Exception>();
        Thread[] threads = [.. actions.Select(action => Start(action, failures))];
        foreach (Thread thread in threads)
        {
            Guests.Join(thread);
        }

        Assert.Empty(failures);
    }

    public static Thread Start(Action action, List<Exception> failures)
    {
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception exception)
            {
                lock (failures)
                {
                    failures.Add(exception);
                }
            }
        }, 4 << 20)
        {
            IsBackground = true,
        };
        thread.Start();
        return thread;
    }

    /// <summary>Waits until a number in the memory has the value, which some guest writes.</summary>
    public static void AwaitValue(Memory memory, ulong address, int value)
    {
        using MemoryLease lease = memory.Lease();
        Assert.True(
            SpinWait.SpinUntil(() => Volatile.Read(ref System.Runtime.InteropServices.MemoryMarshal.AsRef<int>(lease.Slice(address, 4))) == value, Guests.Patience),
            $"no guest wrote {value}");
    }

    public static int Read(Memory memory, ulong address)
    {
        using MemoryLease lease = memory.Lease();
        return BitConverter.ToInt32(lease.Slice(address, 4));
    }
}
