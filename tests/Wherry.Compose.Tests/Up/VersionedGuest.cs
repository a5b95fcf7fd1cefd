namespace Wherry.Compose.Tests.Up;

/// <summary>Copies of a guest that answers HTTP requests with its version, each another module (Guests/versioned.c).</summary>
internal static class VersionedGuest
{
    private const string Marker = "VERSION=one     ;";

    public static string Path { get; } = System.IO.Path.Combine(Repository.Root, "tests", "Wherry.Compose.Tests", "Guests", "versioned.wasm");

    /// <summary>Puts a copy with another version in a file's place, as compilers do: not before it is complete.</summary>
    public static string Write(TemporaryFolder folder, string name, string version)
    {
        byte[] bytes = File.ReadAllBytes(Path);
        int place = bytes.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(Marker));
        Assert.True(place > 0);
        System.Text.Encoding.ASCII.GetBytes($"VERSION={version,-8};", bytes.AsSpan(place));
        string path = folder[name];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path + ".new", bytes);
        File.Move(path + ".new", path, overwrite: true);
        return path;
    }
}
