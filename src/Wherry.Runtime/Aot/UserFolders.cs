namespace Wherry.Aot;

/// <summary>Folders of this user's (XDG base directories).</summary>
internal static class UserFolders
{
    private const string Name = "wherry";

    /// <summary>
    /// Whether nothing in this process sets environment variables, which only a program knows of itself: then the system is asked for them, in a thirtieth of the time that the framework takes at first.
    /// </summary>
    public static bool EnvironmentStays { get; set; }

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
        if (GetVariable(variable) is { Length: > 0 } folder && Path.IsPathRooted(folder))
        {
            return Path.Combine(folder, Name);
        }

        // The framework looks there first, too, and then into the list of users.
        string home = EnvironmentStays && GetVariable("HOME") is { Length: > 0 } own ? own : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify);
        return home.Length == 0 ? null : Path.Combine(home, inHome, Name);
    }

    private static string? GetVariable(string name) => EnvironmentStays ? UnixFiles.TryGetVariable(name) : Environment.GetEnvironmentVariable(name);
}
