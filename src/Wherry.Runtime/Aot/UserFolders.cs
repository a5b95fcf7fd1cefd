namespace Wherry.Aot;

/// <summary>Folders of this user's (XDG base directories).</summary>
internal static class UserFolders
{
    private const string Name = "wherry";

    /// <summary>For what must last; null if the user has no home.</summary>
    public static string? Data => Find("XDG_DATA_HOME", Path.Combine(".local", "share"));

    /// <summary>For what can be made again.</summary>
    public static string? Cache => Find("XDG_CACHE_HOME", ".cache");

    /// <summary>Makes a folder that only this user may enter, unless it is there.</summary>
    public static DirectoryInfo Create(string path) => OperatingSystem.IsWindows()
        ? Directory.CreateDirectory(path)
        : Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

    private static string? Find(string variable, string inHome)
    {
        // By the specification of the folders a relative path counts as none.
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } folder && Path.IsPathRooted(folder))
        {
            return Path.Combine(folder, Name);
        }

        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify);
        return home.Length == 0 ? null : Path.Combine(home, inHome, Name);
    }
}
