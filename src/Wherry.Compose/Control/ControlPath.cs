using System.Globalization;
using System.Runtime.InteropServices;
using Wherry.Aot;

namespace Wherry.Compose.Control;

/// <summary>Where a running project's control socket is: in a folder that only this user may enter.</summary>
internal static partial class ControlPath
{
    /// <summary>The longest path that a Unix socket may have, with its terminator (sockaddr_un).</summary>
    private const int LongestPath = 107;

    /// <summary>The socket of a project, whether it runs or not.</summary>
    public static string Of(string project) => Path.Combine(Folder, project + ".sock");

    /// <summary>Makes the folder.</summary>
    /// <exception cref="IOException">It is not this user's alone.</exception>
    public static void CreateFolder(string project)
    {
        UserFolders.Create(Folder);
        CheckFolder();
        if (Of(project).Length > LongestPath)
        {
            throw new IOException($"{Of(project)} is too long for a socket. Give the project a shorter name: -p NAME");
        }
    }

    /// <summary>Checks the folder, if it is there: in another's, anybody might answer.</summary>
    /// <exception cref="IOException">It is not this user's alone.</exception>
    public static void CheckFolder()
    {
        if (Directory.Exists(Folder) && !UnixFiles.IsOwn(Folder, isPrivate: true))
        {
            throw new IOException($"{Folder}, where the control socket belongs, is not a folder of this user's alone (mode 0700).");
        }
    }

    /// <summary>The projects that have a socket.</summary>
    public static IEnumerable<string> Projects => UnixFiles.IsOwn(Folder, isPrivate: true) ? Directory.GetFiles(Folder, "*.sock").Select(path => Path.GetFileNameWithoutExtension(path)) : [];

    private static string Folder => Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } folder && Path.IsPathRooted(folder) && Directory.Exists(folder)
        ? Path.Combine(folder, "wherry")
        : Path.Combine("/tmp", string.Create(CultureInfo.InvariantCulture, $"wherry-{geteuid()}"));

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial uint geteuid();
}
