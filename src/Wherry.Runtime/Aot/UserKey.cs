using System.Security.Cryptography;

namespace Wherry.Aot;

/// <summary>
/// The key by which this user's Wherry knows what it compiled itself: 32 random bytes in the user's data folder, made when first needed. A key
/// that someone else may read or change is no key.
/// </summary>
internal static class UserKey
{
    private const int Size = 32;

    /// <summary>The key's file.</summary>
    public static string? Path
    {
        get
        {
            string? folder = UserFolders.Data;
            return folder is null ? null : PathIn(folder);
        }
    }

    private static string PathIn(string folder) => string.Concat(folder, System.IO.Path.DirectorySeparatorChar.ToString(), "precompiled.key");

    /// <summary>The key, or null if there is none that can be relied upon.</summary>
    public static byte[]? TryGet(bool creates)
    {
        if (UserFolders.Data is not { } folder)
        {
            return null;
        }

        string path = PathIn(folder);
        try
        {
            if (creates && !File.Exists(path))
            {
                Create(path);
            }

            if (!UnixFiles.IsOwn(folder, isPrivate: false) || !UnixFiles.IsOwn(path, isPrivate: true))
            {
                return null;
            }

            byte[] key = UnixFiles.TryRead(path) ?? File.ReadAllBytes(path);
            return key.Length == Size ? key : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static void Create(string path)
    {
        _ = UserFolders.Create(System.IO.Path.GetDirectoryName(path)!);
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        AtomicFile.Write(temporary, RandomNumberGenerator.GetBytes(Size), isPrivate: true);
        try
        {
            // The first of several processes wins; the others use its key.
            File.Move(temporary, path, overwrite: false);
        }
        catch (IOException)
        {
            File.Delete(temporary);
        }
    }
}
