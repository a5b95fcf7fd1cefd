using System.Globalization;
using Wherry.Aot;

namespace Wherry;

/// <summary>Native code in the cache.</summary>
/// <param name="Key">What it is stored under.</param>
/// <param name="Bytes">How much room it takes.</param>
/// <param name="LastUsed">When it was made or last run.</param>
public sealed record CodeCacheEntry(string Key, long Bytes, DateTime LastUsed);

/// <summary>
/// A folder with the native code of modules that were run before, and with what was learnt of them. An entry is used only for the same module, engine, runtime, processor and
/// options, and only if its MAC shows that this user's Wherry made it; one that was damaged is deleted. Any number of processes may use a folder at once.
/// </summary>
public sealed class CodeCache
{
    /// <summary>Modules with fewer bytes are compiled by the JIT sooner than an entry is read.</summary>
    internal const int MinimumModuleSize = 16 * 1024;

    private const string Extension = ".cwasm";
    private const string WaitExtension = ".waits";
    private const string LockExtension = ".lock";

    /// <summary>What a file takes of a disk at least.</summary>
    private const long LeastSize = 4096;

    private static readonly TimeSpan s_staleAge = TimeSpan.FromHours(1);

    private readonly bool _isUsers;
    private string? _folder;
    private bool _isFolderKnown;

    /// <summary>The cache of this user: wherry in $XDG_CACHE_HOME or ~/.cache.</summary>
    public CodeCache() => _isUsers = true;

    /// <summary>A cache in a folder, which is made when it is first needed. It must be this user's alone (mode 0700).</summary>
    /// <param name="folder">The folder; null stands for a cache that never has anything.</param>
    public CodeCache(string? folder)
    {
        _folder = folder is null ? null : Path.GetFullPath(folder);
        _isFolderKnown = true;
    }

    /// <summary>The folder, or null if the user has no home.</summary>
    public string? Folder
    {
        get
        {
            // Looked for when it is first needed, which a module that brings its native code never does.
            if (_isUsers && !Volatile.Read(ref _isFolderKnown))
            {
                _folder = UserFolders.Cache is { } folder ? Path.GetFullPath(folder) : null;
                Volatile.Write(ref _isFolderKnown, true);
            }

            return _folder;
        }
    }

    /// <summary>How large the folder may grow. The entries that were not used for the longest time go first.</summary>
    public long MaximumBytes { get; init; } = 1L << 30;

    /// <summary>
    /// Whether modules that are not in the cache are compiled for it, at low priority, beside the guests that run with jitted code meanwhile. That needs
    /// crossgen2: see <see cref="Precompiler.IsAvailable"/>. Instances made afterwards use the native code. What is learnt of modules is kept too, or not.
    /// </summary>
    public bool FillsInBackground { get; init; } = true;

    /// <summary>What is in it.</summary>
    /// <exception cref="IOException">The folder can't be read.</exception>
    public IReadOnlyList<CodeCacheEntry> List() =>
        [.. FindFiles(Extension).Select(file => new CodeCacheEntry(Path.GetFileNameWithoutExtension(file.Name), file.Length, file.LastWriteTimeUtc))];

    /// <summary>Deletes all entries, and what was learnt.</summary>
    /// <returns>How many entries there were.</returns>
    /// <exception cref="IOException">An entry can't be deleted.</exception>
    public int Clear()
    {
        int count = 0;
        foreach (CodeCacheEntry entry in List())
        {
            File.Delete(PathOf(entry.Key));
            count++;
        }

        foreach (FileInfo file in FindFiles(WaitExtension))
        {
            file.Delete();
        }

        DeleteStale(TimeSpan.Zero);
        return count;
    }

    /// <summary>Why the folder can't be used, or null if it can.</summary>
    internal string? FindProblem()
    {
        if (Folder is null)
        {
            return "the user has no home folder";
        }

        try
        {
            if (!Directory.Exists(Folder))
            {
                _ = UserFolders.Create(Folder);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return exception.Message;
        }

        return UnixFiles.IsOwn(Folder, isPrivate: true) ? null : $"{Folder} is not a folder of this user's alone (mode 0700)";
    }

    /// <summary>The code for a module, if it is there and good.</summary>
    internal LoadedCode? Find(CodeIdentity identity)
    {
        if (LoadedCode.Find(identity) is { } loaded)
        {
            return loaded;
        }

        if (Folder is null)
        {
            return null;
        }

        string path = PathOf(identity.Key);
        try
        {
            if (!TryRead(path, out byte[] bytes, out byte[] key))
            {
                return null;
            }

            if (!PrecompiledFile.TryRead(bytes, out PrecompiledFile? file) || !file.IsAuthentic(key) || file.Identity != identity)
            {
                // Damaged: it is made anew when the module has run for a while.
                File.Delete(path);
                return null;
            }

            LoadedCode code = LoadedCode.Load(file, path);
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
            return code;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or PrecompilationException)
        {
            return null;
        }
    }

    /// <summary>Compiles a module and keeps its code.</summary>
    /// <returns>False if it is there, or being made by another process.</returns>
    /// <exception cref="PrecompilationException">It can't be compiled, or the folder can't be used.</exception>
    /// <exception cref="IOException">The entry can't be written.</exception>
    internal bool Fill(Module module, CancellationToken cancellationToken = default)
    {
        if (FindProblem() is { } problem)
        {
            throw new PrecompilationException($"the cache can't be used: {problem}.");
        }

        byte[] key = UserKey.TryGet(creates: true)
            ?? throw new PrecompilationException($"the key for precompiled code ({UserKey.Path ?? "in the user's data folder"}) is not this user's alone, or can't be made.");
        CodeIdentity identity = CodeIdentity.Of(module.Engine, module.Definition.Bytes.Span);
        string path = PathOf(identity.Key);
        string lockPath = Path.ChangeExtension(path, LockExtension);
        using FileStream? fileLock = TryLock(lockPath);
        if (fileLock is null || Find(identity) is not null)
        {
            return false;
        }

        (byte[] assembly, _) = Precompiler.CompileCode(module, cancellationToken);
        AtomicFile.Write(path, PrecompiledFile.Write(assembly, [], identity, key), isPrivate: true);
        Trim(path);
        return true;
    }

    /// <summary>The functions of a module that were found below a wait.</summary>
    internal IReadOnlyList<int> FindWaits(CodeIdentity identity)
    {
        if (Folder is null)
        {
            return [];
        }

        string path = PathOf(identity.Key, WaitExtension);
        try
        {
            if (!TryRead(path, out byte[] bytes, out byte[] key))
            {
                return [];
            }

            if (WaitFile.TryRead(bytes, identity, key) is not { } functions)
            {
                // Damaged: the module's next guests find them out again.
                File.Delete(path);
                return [];
            }

            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
            return functions;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Keeps which functions of a module were found below a wait, beside those that were before. Where that can't be, the next process finds them out again.</summary>
    internal void KeepWaits(CodeIdentity identity, IEnumerable<int> functions)
    {
        try
        {
            if (FindProblem() is null && UserKey.TryGet(creates: true) is { } key)
            {
                string path = PathOf(identity.Key, WaitExtension);
                AtomicFile.Write(path, WaitFile.Write([.. FindWaits(identity).Union(functions)], identity, key), isPrivate: true);
                Trim(path);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // There is nobody to tell.
        }
    }

    private static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private string PathOf(string key, string extension = Extension) => Path.Combine(Folder!, key + extension);

    // Only what nobody else can have written or read is looked at.
    private bool TryRead(string path, out byte[] bytes, out byte[] key)
    {
        bytes = [];
        key = [];
        if (!File.Exists(path) || !UnixFiles.IsOwn(Folder!, isPrivate: true) || !UnixFiles.IsOwn(path, isPrivate: true) || UserKey.TryGet(creates: false) is not { } found)
        {
            return false;
        }

        key = found;
        bytes = File.ReadAllBytes(path);
        return true;
    }

    private FileInfo[] FindFiles(string extension) => Folder is null || !Directory.Exists(Folder) ? [] : new DirectoryInfo(Folder).GetFiles("*" + extension);

    private void Trim(string newest)
    {
        DeleteStale(s_staleAge);
        long total = 0;
        IEnumerable<FileInfo> files = FindFiles(Extension).Concat(FindFiles(WaitExtension));
        foreach (FileInfo file in files.OrderByDescending(file => file.FullName == newest).ThenByDescending(file => file.LastWriteTimeUtc))
        {
            total += Math.Max(file.Length, LeastSize);
            if (total > MaximumBytes)
            {
                file.Delete();
            }
        }
    }

    // What processes left that were killed while they wrote.
    private void DeleteStale(TimeSpan age)
    {
        foreach (FileInfo file in FindFiles(".tmp"))
        {
            if (DateTime.UtcNow - file.LastWriteTimeUtc >= age)
            {
                file.Delete();
            }
        }
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Folder ?? "nowhere"} (at most {MaximumBytes} bytes)");
}
