namespace Wherry.Compose.Running.Watching;

/// <summary>
/// Tells which files have changed, by their times and sizes. A file counts when it has stayed as it is from one look to the next, so that none is read while it is being written.
/// </summary>
internal sealed class FileStamps
{
    private readonly Dictionary<string, (DateTime Changed, long Length)> known = [];
    private readonly Dictionary<string, (DateTime Changed, long Length)> seen = [];

    /// <summary>Whether a file was not as it had been, at the last look, and may change further.</summary>
    public bool IsAnyChanging { get; private set; }

    /// <summary>Looks at files, of which those that are new to it have not changed.</summary>
    /// <returns>Those that have.</returns>
    public IReadOnlyList<string> Look(IEnumerable<string> paths)
    {
        List<string> changed = [];
        IsAnyChanging = false;
        foreach (string path in paths.Distinct())
        {
            // A file that is just being exchanged may not be there for a moment.
            var file = new FileInfo(path);
            if (!file.Exists)
            {
                continue;
            }

            (DateTime, long) stamp = (file.LastWriteTimeUtc, file.Length);
            if (!known.TryGetValue(path, out (DateTime, long) before))
            {
                known[path] = stamp;
            }
            else if (stamp != before && seen.TryGetValue(path, out (DateTime, long) last) && last == stamp)
            {
                known[path] = stamp;
                changed.Add(path);
            }
            else
            {
                IsAnyChanging |= stamp != before;
            }

            seen[path] = stamp;
        }

        return changed;
    }
}
