using System.Collections.Concurrent;

namespace Wherry.Compose.Running;

/// <summary>The project's modules: each is compiled once, whatever the number of services and replicas that run it. A file that has changed is a new module.</summary>
internal sealed class ModuleCatalog(CodeCache? cache) : IDisposable
{
    private readonly Engine engine = new(new EngineOptions { CodeCache = cache });

    // For guests with a share of the processors. Others need not pay for it.
    private readonly Lazy<Engine> pausing = new(() => new Engine(new EngineOptions { CodeCache = cache, Pausing = true }));
    private readonly ConcurrentDictionary<(string Path, DateTime Changed, long Length, bool IsPausing), Lazy<Module>> modules = new();

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
    }

    /// <summary>Gives back what the engine holds. No guest may run any more.</summary>
    public void Dispose()
    {
        engine.Dispose();
        if (pausing.IsValueCreated)
        {
            pausing.Value.Dispose();
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
