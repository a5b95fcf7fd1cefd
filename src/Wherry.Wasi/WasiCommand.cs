namespace Wherry.Wasi;

/// <summary>Runs modules that are whole programs: they export <c>_start</c>, and end with an exit code.</summary>
public static class WasiCommand
{
    /// <summary>Runs a program to its end, in a store of its own. If it starts threads, they end with it.</summary>
    /// <returns>The exit code: what it passed to <c>proc_exit</c>, or 0 if it returned.</returns>
    /// <exception cref="LinkException">It imports what WASI doesn't have.</exception>
    /// <exception cref="TrapException">It trapped, or was interrupted.</exception>
    public static int Run(Engine engine, Module module, WasiOptions options, StoreOptions? storeOptions = null)
    {
        using var context = new WasiContext(options);
        using var store = new Store(engine, storeOptions);
        var linker = new Linker(engine);
        context.AddTo(linker);
        if (WasiContext.UsesThreads(module))
        {
            context.AddThreadsTo(linker, store, module);
        }

        try
        {
            return Run(linker.Instantiate(store, module));
        }
        catch (GuestExitException exit)
        {
            // From the module's start function.
            return exit.ExitCode;
        }
        finally
        {
            context.EndThreads();
        }
    }

    /// <summary>Runs an instance's <c>_start</c>. Threads that it started go on afterwards, until <see cref="WasiContext.EndThreads"/>.</summary>
    /// <returns>The exit code: what it passed to <c>proc_exit</c>, or 0 if it returned.</returns>
    /// <exception cref="InvalidOperationException">It has no <c>_start</c>.</exception>
    public static int Run(Instance instance)
    {
        ArgumentNullException.ThrowIfNull(instance);
        var start = instance.GetFunction<Action>("_start")
            ?? throw new InvalidOperationException("The module exports no function _start: it is a library (a reactor), not a program.");
        try
        {
            start();
            return 0;
        }
        catch (GuestExitException exit)
        {
            return exit.ExitCode;
        }
    }

    /// <summary>Prepares a library (a reactor) for calls: runs its <c>_initialize</c>, if it has one.</summary>
    public static void Initialize(Instance instance)
    {
        ArgumentNullException.ThrowIfNull(instance);
        instance.GetFunction<Action>("_initialize")?.Invoke();
    }
}
