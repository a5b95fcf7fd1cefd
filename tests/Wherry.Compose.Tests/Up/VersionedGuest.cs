using System.Net.Sockets;

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

    /// <summary>Makes one trap, by a request that is sent once; HttpClient would send it again.</summary>
    public static async Task CrashAsync(Uri address)
    {
        using var client = new TcpClient();
        using var limit = new CancellationTokenSource(RunningCommand.Patience);
        await client.ConnectAsync(address.Host, address.Port, limit.Token);
        await client.GetStream().WriteAsync("GET /crash HTTP/1.1\r\n\r\n"u8.ToArray(), limit.Token);
        try
        {
            Assert.Equal(0, await client.GetStream().ReadAsync(new byte[1], limit.Token));
        }
        catch (IOException)
        {
            // A reset is an end too.
        }
    }
}
