using System.Diagnostics;
using System.Globalization;

namespace Wherry.Bench.Soak;

/// <summary>The project that is disturbed: examples/orders/compose.yaml's shape with three replicas of the service, and neighbours that misbehave. Its volumes and its control socket are in a folder of its own.</summary>
internal sealed class SoakProject : IAsyncDisposable
{
    private const int KeptLines = 40;

    private static readonly TimeSpan CommandLimit = TimeSpan.FromMinutes(3);

    private readonly string[] wherry;
    private readonly string folder;
    private readonly Queue<string> lastLines = new();
    private Process process = null!;

    private SoakProject(string[] wherry, string folder, int port)
    {
        this.wherry = wherry;
        this.folder = folder;
        Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/"));
    }

    public Uri Address { get; }

    public int ProcessId => process.Id;

    public static async Task<SoakProject> StartAsync(Settings settings, int port)
    {
        string folder = Directory.CreateTempSubdirectory("wherry-soak-").FullName;
        string orders = Path.Combine(settings.Root, "examples", "orders");
        string noisy = Path.Combine(settings.Root, "tests", "Wherry.Compose.Tests", "Guests", "noisy.wasm");
        await File.WriteAllTextAsync(Path.Combine(folder, "compose.yaml"), string.Create(CultureInfo.InvariantCulture, $$$"""
            name: soak
            services:
              server:
                image: {{{orders}}}/orders.wasm
                ports: ["{{{port}}}:8080"]
                scale: 3
                environment: {DATABASE_URL: "mysql://root:secret@db:3306/shop"}
                restart: unless-stopped
                stop_grace_period: 2s
                depends_on: {db: {condition: service_healthy}}
                healthcheck: {x-http: 8080/, interval: 2s}
              db:
                x-wherry: {process: [sh, {{{orders}}}/database.sh]}
                expose: [3306]
                environment: {MARIADB_ROOT_PASSWORD: secret, MARIADB_DATABASE: shop}
                volumes: ["data:/var/lib/mysql"]
                restart: unless-stopped
                stop_grace_period: 30s
                healthcheck:
                  test: MYSQL_PWD=$$MARIADB_ROOT_PASSWORD mariadb-admin --no-defaults --protocol=tcp --host=127.0.0.1 --port=$$WHERRY_PORT_3306 --user=root ping
                  start_period: 2m
              spin: {image: {{{noisy}}}, command: [spin], scale: 2, cpus: 0.1, restart: always, stop_grace_period: 0s}
              loop: {image: {{{noisy}}}, command: [spin], stop_grace_period: 0s}
              memory: {image: {{{noisy}}}, command: [memory], scale: 2, mem_limit: 8m, restart: always, stop_grace_period: 0s}
              trap: {image: {{{noisy}}}, command: [trap], scale: 2, restart: always}
              stack: {image: {{{noisy}}}, command: [stack], restart: always}
              descriptors: {image: {{{noisy}}}, command: [descriptors], restart: always}
            volumes: {data: }

            """));
        var project = new SoakProject(settings.Wherry, folder, port);
        project.process = project.Begin(["up", "--allow-processes"]);
        await project.WaitForAsync("a database", async () => await project.AskAsync("init"));
        return project;
    }

    public bool IsRunning() => !process.HasExited;

    /// <summary>Runs a command on the project.</summary>
    /// <returns>Whether it said that all was well.</returns>
    public async Task<bool> RunAsync(params string[] arguments)
    {
        using Process command = Begin(arguments);
        using var limit = new CancellationTokenSource(CommandLimit);
        await command.WaitForExitAsync(limit.Token);
        return command.ExitCode == 0;
    }

    /// <summary>The database's process; null while there is none.</summary>
    public int? FindDatabase() =>
        Directory.EnumerateFiles(folder, "mariadb.pid", SearchOption.AllDirectories).FirstOrDefault() is { } file
            && int.TryParse(File.ReadAllText(file).Trim(), CultureInfo.InvariantCulture, out int id) && Directory.Exists($"/proc/{id}") ? id : null;

    public async ValueTask DisposeAsync()
    {
        if (IsRunning())
        {
            await RunAsync("down", "-t", "20");
            using var limit = new CancellationTokenSource(CommandLimit);
            await process.WaitForExitAsync(limit.Token);
        }
        else
        {
            lock (lastLines)
            {
                Console.Error.WriteLine($"wherry up has ended with code {process.ExitCode}. Its last lines:\n{string.Join('\n', lastLines)}");
            }
        }

        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private async Task<bool> AskAsync(string path)
    {
        using var client = new HttpClient { BaseAddress = Address, Timeout = TimeSpan.FromSeconds(10) };
        try
        {
            return await client.GetStringAsync(new Uri(path, UriKind.Relative)) == OrderClient.Done;
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException or System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    private async Task WaitForAsync(string what, Func<Task<bool>> isThere)
    {
        long start = Stopwatch.GetTimestamp();
        while (!await isThere())
        {
            if (!IsRunning() || Stopwatch.GetElapsedTime(start) > CommandLimit)
            {
                await DisposeAsync();
                throw new InvalidOperationException($"There is no {what}.");
            }

            await Task.Delay(200);
        }
    }

    private Process Begin(string[] arguments)
    {
        var start = new ProcessStartInfo(wherry[0], [.. wherry[1..], .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = folder };
        start.Environment["XDG_RUNTIME_DIR"] = folder;
        start.Environment["XDG_DATA_HOME"] = Path.Combine(folder, "data");
        Process begun = Process.Start(start)!;
        begun.OutputDataReceived += Keep;
        begun.ErrorDataReceived += Keep;
        begun.BeginOutputReadLine();
        begun.BeginErrorReadLine();
        return begun;
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (lastLines)
        {
            lastLines.Enqueue(line.Data ?? "");
            if (lastLines.Count > KeptLines)
            {
                lastLines.Dequeue();
            }
        }
    }
}
