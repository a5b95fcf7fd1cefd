using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Wherry.Wasi;
using Wherry.Wasi.Network;

namespace Wherry.Compose.Control;

/// <summary>
/// Answers <c>wherry ps</c>, <c>logs</c>, <c>stop</c> and the others on a Unix socket: a line of JSON asks, lines of JSON answer, the last of which is <c>{"done":true}</c> or
/// <c>{"error":"…"}</c>. Who may enter the socket's folder may do all of it.
/// </summary>
internal sealed class ControlServer : IDisposable
{
    private const int LongestRequest = 64 * 1024;
    private const int WaitingLines = 10_000;

    private readonly ProjectRunner project;
    private readonly Func<TimeSpan?, Task> down;
    private readonly Socket listener;
    private readonly string path;
    private readonly CancellationTokenSource closing = new();

    /// <param name="project">The project.</param>
    /// <param name="down">Stops the project for good; completes when it has stopped.</param>
    /// <exception cref="IOException">The project runs already, or the socket can't be made.</exception>
    public ControlServer(ProjectRunner project, Func<TimeSpan?, Task> down)
    {
        this.project = project;
        this.down = down;
        string name = project.Project.Name;
        ControlPath.CreateFolder(name);
        path = ControlPath.Of(name);

        // Of two that are started at once, one must not take the other's socket for a left over one.
        using FileStream starting = Lock(name);
        if (File.Exists(path))
        {
            if (ControlClient.IsRunning(name))
            {
                throw new IOException($"the project {name} is running already. wherry ps shows it, wherry down ends it; -p NAME gives this one another name.");
            }

            // Left over from a process that was killed.
            File.Delete(path);
        }

        listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        _ = AcceptAsync();
    }

    /// <summary>Makes a link that opens the dashboard; null if there is none.</summary>
    public Func<string>? DashboardLink { get; set; }

    public void Dispose()
    {
        closing.Cancel();
        listener.Dispose();
        File.Delete(path);
        closing.Dispose();
    }

    /// <summary>A line of the log, as JSON.</summary>
    public static JsonObject ToJson(LogLine line) => new()
    {
        ["time"] = line.Time.ToString("O", System.Globalization.CultureInfo.InvariantCulture),
        ["service"] = line.Service,
        ["replica"] = line.Replica,
        ["source"] = line.Source.ToString().ToLowerInvariant(),
        ["text"] = line.Text,
    };

    private static FileStream Lock(string name)
    {
        try
        {
            return new FileStream(ControlPath.Of(name) + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (IOException exception)
        {
            throw new IOException($"the project {name} is just being started by another command. -p NAME gives this one another name.", exception);
        }
    }

    private static JsonObject ToJson(ReplicaStatus status) => new()
    {
        ["service"] = status.Service,
        ["replica"] = status.Replica,
        ["kind"] = status.Kind.ToString().ToLowerInvariant(),
        ["state"] = status.State.ToString().ToLowerInvariant(),
        ["health"] = status.Health == ReplicaHealth.None ? null : status.Health.ToString().ToLowerInvariant(),
        ["exitCode"] = status.ExitCode,
        ["restarts"] = status.Restarts,
        ["since"] = status.Since.ToString("O", System.Globalization.CultureInfo.InvariantCulture),
        ["ports"] = new JsonArray([.. status.Ports.Select(port => (JsonNode)port)]),
        ["memoryBytes"] = status.MemoryBytes,
        ["cpuSeconds"] = status.CpuTime?.TotalSeconds,
        ["connections"] = status.Connections,
        ["accepted"] = status.Accepted,
        ["retiring"] = status.Retiring,
        ["egress"] = new JsonArray([.. status.Egress.Select(ToJson)]),
    };

    private static JsonNode ToJson(EgressEntry entry) => new JsonObject
    {
        ["host"] = entry.Host,
        ["port"] = entry.Port,
        ["protocol"] = entry.Protocol == NetworkProtocol.Udp ? "udp" : "tcp",
        ["inProject"] = entry.IsInside,
        ["connections"] = entry.Count,
    };

    private async Task AcceptAsync()
    {
        while (!closing.IsCancellationRequested)
        {
            try
            {
                Socket connection = await listener.AcceptAsync(closing.Token).ConfigureAwait(false);
                _ = AnswerAsync(connection);
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                if (closing.IsCancellationRequested)
                {
                    return;
                }

                await Task.Delay(100).ConfigureAwait(false);
            }
        }
    }

    private async Task AnswerAsync(Socket connection)
    {
        try
        {
            await using var stream = new NetworkStream(connection, ownsSocket: true);
            await using var writer = new StreamWriter(stream) { AutoFlush = true, NewLine = "\n" };
            using var reader = new StreamReader(stream);
            JsonObject answer;
            try
            {
                string? line = await ReadRequestAsync(reader).ConfigureAwait(false);
                if (line is null || JsonNode.Parse(line) is not JsonObject request)
                {
                    return;
                }

                await AnswerAsync(request, writer, reader).ConfigureAwait(false);
                answer = new JsonObject { ["done"] = true };
            }
            catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException or ArgumentException or KeyNotFoundException)
            {
                answer = new JsonObject { ["error"] = exception.Message };
            }

            await writer.WriteLineAsync(answer.ToJsonString()).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Who asked has gone.
        }
    }

    private static async Task<string?> ReadRequestAsync(StreamReader reader)
    {
        var buffer = new char[LongestRequest];
        int length = 0;
        while (length < buffer.Length)
        {
            int read = await reader.ReadAsync(buffer.AsMemory(length)).ConfigureAwait(false);
            if (read == 0)
            {
                return null;
            }

            length += read;
            int end = Array.IndexOf(buffer, '\n', 0, length);
            if (end >= 0)
            {
                return new string(buffer, 0, end);
            }
        }

        return null;
    }

    private async Task AnswerAsync(JsonObject request, StreamWriter writer, StreamReader reader)
    {
        string[] services = [.. (request["services"] as JsonArray ?? []).Select(name => (string)name!)];
        foreach (string name in services.Where(name => project.Find(name) is null))
        {
            throw new ArgumentException($"there is no service \"{name}\" in the project. There are {string.Join(", ", project.Project.Services.Select(service => service.Name))}.");
        }

        TimeSpan? limit = (double?)request["timeout"] is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
        switch ((string?)request["command"])
        {
            case "ping":
                break;
            case "ps":
                foreach (ReplicaStatus status in project.Status.Where(status => services.Length == 0 || services.Contains(status.Service)))
                {
                    await writer.WriteLineAsync(new JsonObject { ["status"] = ToJson(status) }.ToJsonString()).ConfigureAwait(false);
                }

                break;
            case "logs":
                await SendLogsAsync(writer, reader, services, (int?)request["tail"], (bool?)request["follow"] == true).ConfigureAwait(false);
                break;
            case "start":
                if (!await project.StartAsync(services).ConfigureAwait(false))
                {
                    throw new InvalidOperationException("not all could be started: see wherry logs.");
                }

                break;
            case "stop":
                await project.StopAsync(services, limit).ConfigureAwait(false);
                break;
            case "restart":
                await project.RestartAsync(services, limit).ConfigureAwait(false);
                break;
            case "scale":
                foreach ((string name, JsonNode? count) in (JsonObject)request["replicas"]!)
                {
                    if (project.Find(name) is not { } service || service.Service.Kind != ComposeServiceKind.Guest)
                    {
                        throw new ArgumentException(project.Find(name) is null ? $"there is no service \"{name}\"." : $"{name} can't have replicas: only guests have more than one.");
                    }

                    await project.ScaleAsync(name, (int)count!).ConfigureAwait(false);
                }

                break;
            case "dashboard":
                string link = DashboardLink?.Invoke() ?? throw new InvalidOperationException("the project was started without a dashboard: wherry up --dashboard");
                await writer.WriteLineAsync(new JsonObject { ["link"] = link }.ToJsonString()).ConfigureAwait(false);
                break;
            case "update":
                await UpdateAsync((string)request["service"]!, (string)request["module"]!, (double?)request["drain"], (double?)request["startLimit"]).ConfigureAwait(false);
                break;
            case "down":
                await down(limit).ConfigureAwait(false);
                break;
            case var other:
                throw new ArgumentException($"there is no command \"{other}\".");
        }
    }

    private async Task UpdateAsync(string name, string module, double? drain, double? startLimit)
    {
        ComposeService service = project.FindService(name) ?? throw new ArgumentException($"there is no service \"{name}\".");
        var options = new UpdateOptions();
        options = options with
        {
            Drain = drain is { } seconds ? TimeSpan.FromSeconds(seconds) : options.Drain,
            StartLimit = startLimit is { } limit ? TimeSpan.FromSeconds(limit) : options.StartLimit,
        };
        if (await project.UpdateAsync(service with { ModulePath = module }, options).ConfigureAwait(false) is { } problem)
        {
            throw new InvalidOperationException($"{name} was not updated: {problem}");
        }
    }

    private async Task SendLogsAsync(StreamWriter writer, StreamReader reader, string[] services, int? tail, bool follow)
    {
        bool Wanted(string service) => services.Length == 0 || services.Contains(service);
        var lines = Channel.CreateBounded<LogLine>(new BoundedChannelOptions(WaitingLines) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        using IDisposable reading = project.Logs.Read(line => _ = Wanted(line.Service) && lines.Writer.TryWrite(line), Wanted, tail);
        if (!follow)
        {
            lines.Writer.Complete();
        }
        else
        {
            // The one who follows says nothing more; the end of what it says is its end.
            _ = reader.ReadAsync(new char[1], closing.Token).AsTask().ContinueWith(_ => lines.Writer.TryComplete(), TaskScheduler.Default);
        }

        await foreach (LogLine line in lines.Reader.ReadAllAsync(closing.Token).ConfigureAwait(false))
        {
            await writer.WriteLineAsync(new JsonObject { ["log"] = ToJson(line) }.ToJsonString()).ConfigureAwait(false);
        }
    }
}
