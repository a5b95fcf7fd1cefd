namespace Wherry.Aot;

/// <summary>Compiles modules for a cache, one after the other, on a thread that gives way to all others. What is run for a moment only is not compiled.</summary>
internal static class BackgroundCompiler
{
    private static readonly TimeSpan s_delay = TimeSpan.FromSeconds(1);
    private static readonly object s_lock = new();
    private static readonly Queue<(WeakReference<Module> Module, CodeCache Cache)> s_queue = new();
    private static bool s_isRunning;

    /// <summary>Compiles the module soon, unless nothing uses it by then.</summary>
    public static void Add(Module module, CodeCache cache)
    {
        if (Crossgen.Find() is null)
        {
            return;
        }

        lock (s_lock)
        {
            s_queue.Enqueue((new WeakReference<Module>(module), cache));
            if (!s_isRunning)
            {
                s_isRunning = true;
                new Thread(Run) { IsBackground = true, Name = "Wherry precompiler" }.Start();
            }
        }
    }

    private static void Run()
    {
        UnixFiles.LowerPriority();
        Thread.Sleep(s_delay);
        while (true)
        {
            (WeakReference<Module> reference, CodeCache cache) next;
            lock (s_lock)
            {
                if (!s_queue.TryDequeue(out next))
                {
                    s_isRunning = false;
                    return;
                }
            }

            if (next.reference.TryGetTarget(out Module? module))
            {
                Compile(module, next.cache);
            }
        }
    }

    private static void Compile(Module module, CodeCache cache)
    {
        try
        {
            _ = cache.Fill(module);
            module.UseCodeOf(cache);
        }
        catch (Exception exception) when (exception is PrecompilationException or IOException or UnauthorizedAccessException)
        {
            // The module goes on with jitted code; there is nobody to tell.
        }
    }
}
