using System.Collections.Concurrent;
using Wherry.Wasi;
using Wherry.Wasi.Scheduling;

namespace Wherry.Compose.Running;

/// <summary>The project's modules: each is compiled once, whatever the number of services and replicas that run it. A file that has changed is a new module.</summary>
internal sealed class ModuleCatalog(CodeCache? cache) : IDisposable
{
    private readonly Engine engine = new(new EngineOptions { CodeCache = cache, MayWait = GuestScheduler.IsSupported ? WaitingImports.MayWait : null });

    // For guests with a share of the processors. Others need not pay for it.
    private readonly Lazy<Engine> pausing = new(() => new Engine(new EngineOptions { CodeCache = cache, Pausing = true }));
    private readonly ConcurrentDictionary<(string Path, DateTime Changed, long Length, bool IsPausing), Lazy<Module>> modules = new();
    private readonly ConcurrentDictionary<(Module Module, ResourceLimits Limits), Lazy<InstancePool?>> pools = new();

    /// <exception cref="ModuleException">It is no module, or not a valid one.</exception>
    /// <exception cref="TextFormatException">Its text is wrong.</exception>
    /// <exception cref="IOException">It can't be read.</exception>
    public Module Get(ComposeService service) => Get(service.ModulePath!, service.Cpus is not null);

    private Module Get(string path, bool isPausing)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
        {
            throw new FileNotFoundException($"{path} is not there.");
        }

        return modules.GetOrAdd((path, file.LastWriteTimeUtc, file.Length, isPausing), key => new Lazy<Module>(() => Load(key.Path, key.IsPausing ? pausing.Value : engine))).Value;
    }

    /// <summary>Lets go of modules that no service is started from any more. Guests that run keep theirs.</summary>
    /// <param name="paths">The files that services are started from.</param>
    public void Keep(IReadOnlySet<string> paths)
    {
        foreach ((string Path, DateTime Changed, long Length, bool IsPausing) key in modules.Keys)
        {
            var file = new FileInfo(key.Path);
            if (!paths.Contains(key.Path) || !file.Exists || file.LastWriteTimeUtc != key.Changed || file.Length != key.Length)
            {
                modules.TryRemove(key, out _);
            }
        }

        foreach ((Module Module, ResourceLimits Limits) key in pools.Keys)
        {
            if (!modules.Values.Any(module => module.IsValueCreated && module.Value == key.Module) && pools.TryRemove(key, out Lazy<InstancePool?>? pool))
            {
                pool.Value?.Dispose();
            }
        }
    }

    /// <summary>Instances of a module that have no thread while they wait, each with what its store's user state names; null if they can't be pooled.</summary>
    /// <param name="module">The module.</param>
    /// <param name="limits">What each may take.</param>
    public InstancePool? GetPool(Module module, ResourceLimits limits) => pools.GetOrAdd((module, limits), static key => new Lazy<InstancePool?>(() => CreatePool(key.Module, key.Limits))).Value;

    /// <summary>Gives back what the engine holds. No guest may run any more.</summary>
    public void Dispose()
    {
        foreach (Lazy<InstancePool?> pool in pools.Values)
        {
            pool.Value?.Dispose();
        }

        engine.Dispose();
        if (pausing.IsValueCreated)
        {
            pausing.Value.Dispose();
        }
    }

    private static InstancePool? CreatePool(Module module, ResourceLimits limits)
    {
        if (module.Definition.Start is not null)
        {
            // It would run before the instance has what it is given.
            return null;
        }

        var linker = new Linker(module.Engine);
        WasiContext.AddTo(linker, static store => (WasiOptions)store.UserState!);
        try
        {
            return new InstancePool(linker, module, new InstancePoolOptions { StoreOptions = new StoreOptions { Limits = limits } });
        }
        catch (Exception exception) when (exception is LinkException or TrapException)
        {
            // Whoever makes an instance in the other way is told what is wrong, if anything is.
            return null;
        }
    }

    private static Module Load(string path, Engine engine)
    {
        byte[] bytes = File.ReadAllBytes(path);
        if (path.EndsWith(".wat", StringComparison.OrdinalIgnoreCase))
        {
            bytes = WatConverter.ToBinary(bytes, path, emitNames: true);
        }
        else if (path.EndsWith(".cwasm", StringComparison.OrdinalIgnoreCase))
        {
            throw new IOException($"{path} is precompiled. Name the module itself (.wasm): its native code is kept in the cache.");
        }

        return Module.LoadOwned(engine, bytes, Path.GetFileName(path));
    }
}
