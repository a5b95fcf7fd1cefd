using Wherry.Wasi.Threads;

namespace Wherry.Wasi;

// Threads that the guest starts (wasi-threads).
public sealed partial class WasiContext
{
    private const string ThreadModule = "wasi";
    private const string ThreadSpawn = "thread-spawn";

    /// <summary>The guest's threads, if it may have any.</summary>
    internal ThreadGroup? Threads { get; private set; }

    /// <summary>Whether a module starts threads: it imports <c>wasi</c> <c>thread-spawn</c>.</summary>
    public static bool UsesThreads(Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        return Array.Exists(module.Definition.Imports, static import => import is { Module: ThreadModule, Name: ThreadSpawn });
    }

    /// <summary>
    /// Defines <c>wasi</c> <c>thread-spawn</c> in a linker, and the shared memories that the module imports. Instances of the module in the store may then
    /// start up to <see cref="WasiOptions.MaximumThreads"/> threads, which run until they return, the program ends, or <see cref="EndThreads"/> ends
    /// them. A trap, an exit or an exception in one of them ends all, and becomes the end of the call into the store. They take from the store's
    /// limits, and its interruption and time limit are theirs; the time of a call ends them with the call. The linker must stay as it is from the first
    /// instance on. Call it once, before any instance runs.
    /// </summary>
    /// <exception cref="InvalidOperationException">The context has threads already.</exception>
    /// <exception cref="LinkException">A limit stands in the way of a memory, or the guest is deterministic.</exception>
    public void AddThreadsTo(Linker linker, Store store, Module module)
    {
        ArgumentNullException.ThrowIfNull(linker);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(module);
        if (Options.Deterministic)
        {
            throw new LinkException("A deterministic guest can't have threads: which of them comes first is different each time.");
        }

        if (Threads is not null)
        {
            throw new InvalidOperationException("The context has threads already: one guest has a context.");
        }

        foreach (ModuleImport import in module.Imports)
        {
            if (import.Type.Memory is { IsShared: true } type && !linker.IsDefined(import.Module, import.Name))
            {
                linker.Define(import.Module, import.Name, Memory.Create(store, type));
            }
        }

        Turns.Begin();
        var threads = new ThreadGroup(linker, store, Options.MaximumThreads, Options.ThreadRuns);
        Threads = threads;
        linker.DefineMethods(ThreadModule, ThreadGroup.HostMethods.Table, _ => threads, linker.AllowShadowing);
    }

    /// <summary>Ends the guest's threads and waits until they have ended. Not from one of them.</summary>
    public void EndThreads() => Threads?.End();
}
