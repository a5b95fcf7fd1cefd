using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Wherry.Guests.Tests;

/// <summary>A MariaDB server of the tests' own: in a temporary folder, on a port that was free, with the user root and the password secret.</summary>
public sealed partial class MariaDatabase : IAsyncLifetime
{
    private readonly TemporaryFolder folder = new();
    private RunningCommand? server;
    private string? missing;

    /// <summary>Its port on 127.0.0.1.</summary>
    public int Port { get; private set; }

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        string? install = Find("mariadb-install-db"), daemon = Find("mariadbd"), client = Find("mariadb");
        if (install is null || daemon is null || client is null)
        {
            missing = "MariaDB is not installed: apt-get install mariadb-server";
            return;
        }

        string data = folder["data"];
        Result installed = await RunningCommand.RunAsync(
            install, $"--datadir={data}", $"--user={Environment.UserName}", "--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=8M");
        installed.Expect(0);

        // The port may be taken between its choice and its use; then another is chosen.
        for (int attempt = 0; server is null; attempt++)
        {
            Port = FreePort();
            RunningCommand started = RunningCommand.Start(daemon,
            [
                "--no-defaults", $"--datadir={data}", $"--user={Environment.UserName}", "--bind-address=127.0.0.1", $"--port={Port}", $"--socket={folder["socket"]}",
                // A guest whose code is compiled between two packets, on a machine with much else to do, may take longer to shake hands than the server waits for by itself.
                "--connect-timeout=600",
                $"--pid-file={folder["pid"]}", "--skip-name-resolve", "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M",
            ]);
            Match match = await started.WaitForAsync(StartedOrTaken());
            if (match.Value.Contains("ready", StringComparison.Ordinal))
            {
                server = started;
            }
            else
            {
                await started.DisposeAsync();
                Assert.True(attempt < 10, "There is no free port.");
            }
        }

        (await RunningCommand.RunAsync(
            client, $"--socket={folder["socket"]}", "--user=root", "-e", "CREATE DATABASE shop; CREATE DATABASE go; ALTER USER root@localhost IDENTIFIED BY 'secret'")).Expect(0);
        (await RunningCommand.RunAsync(
            client, $"--socket={folder["socket"]}", "--user=root", "--password=secret", "-e", "CREATE OR REPLACE USER root@127.0.0.1 IDENTIFIED BY 'secret'; GRANT ALL ON *.* TO root@127.0.0.1")).Expect(0);
    }

    /// <summary>Skips the test if there is no MariaDB; where nothing may be skipped, fails it.</summary>
    public void Require()
    {
        if (missing is not null)
        {
            Repository.MissingTool(missing);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }

        folder.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string? Find(string program) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/usr/local/sbin".Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(place => Path.Combine(place, program)).FirstOrDefault(File.Exists);

    [GeneratedRegex("ready for connections|Can't start server: Bind on TCP/IP port")]
    private static partial Regex StartedOrTaken();
}
