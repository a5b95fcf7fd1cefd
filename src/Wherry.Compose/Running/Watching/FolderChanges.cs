namespace Wherry.Compose.Running.Watching;

/// <summary>Tells at once that something has happened in the folders of files, where the system can tell. It may not (a network's folder, too many watchers), so somebody has to look now and then all the same.</summary>
internal sealed class FolderChanges : IDisposable
{
    private readonly Dictionary<string, FileSystemWatcher> watchers = [];
    private readonly SemaphoreSlim happened = new(0, 1);

    /// <summary>Watches the folders of these files, and no others any more.</summary>
    public void Follow(IEnumerable<string> paths)
    {
        HashSet<string> folders = [.. paths.Select(path => Path.GetDirectoryName(Path.GetFullPath(path))).OfType<string>()];
        foreach ((string folder, FileSystemWatcher watcher) in watchers.ToArray())
        {
            if (!folders.Contains(folder))
            {
                watcher.Dispose();
                watchers.Remove(folder);
            }
        }

        foreach (string folder in folders.Where(folder => !watchers.ContainsKey(folder)))
        {
            if (TryWatch(folder) is { } watcher)
            {
                watchers.Add(folder, watcher);
            }
        }
    }

    /// <summary>Waits until something has happened since the last call, or the time is up.</summary>
    public Task WaitAsync(TimeSpan limit, CancellationToken cancellationToken) => happened.WaitAsync(limit, cancellationToken);

    public void Dispose()
    {
        foreach (FileSystemWatcher watcher in watchers.Values)
        {
            watcher.Dispose();
        }

        watchers.Clear();
    }

    private FileSystemWatcher? TryWatch(string folder)
    {
        FileSystemWatcher? watcher = null;
        try
        {
            watcher = new FileSystemWatcher(folder) { NotifyFilter = NotifyFilters.FileName | NotifyFilters.LastWrite | NotifyFilters.Size };
            watcher.Changed += (_, _) => Tell();
            watcher.Created += (_, _) => Tell();
            watcher.Renamed += (_, _) => Tell();
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception exception) when (exception is IOException or ArgumentException or UnauthorizedAccessException)
        {
            watcher?.Dispose();
            return null;
        }
    }

    private void Tell()
    {
        lock (happened)
        {
            if (happened.CurrentCount == 0)
            {
                happened.Release();
            }
        }
    }
}
