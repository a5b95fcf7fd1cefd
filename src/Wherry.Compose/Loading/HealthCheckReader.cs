using System.Globalization;
using Wherry.Compose.Yaml;

namespace Wherry.Compose.Loading;

/// <summary>
/// Reads a health check. In a guest nothing can be executed: for all but helpers, the usual commands (curl, wget, nc) are understood as what they ask, and
/// <c>x-http: PORT/PATH</c> and <c>x-tcp: PORT</c> say it plainly.
/// </summary>
internal sealed class HealthCheckReader(ValueReader values, DiagnosticList diagnostics)
{
    private static readonly Keys Known = new(["test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"]);

    public ComposeHealthCheck? Read(YamlMapping service, string what, ComposeServiceKind kind)
    {
        what = $"{what}.healthcheck";
        if (values.Mapping(service, "healthcheck", what) is not { } mapping)
        {
            return null;
        }

        Known.Check(mapping, what, diagnostics);
        if (values.Truth(mapping, "disable", $"{what}.disable"))
        {
            return null;
        }

        ComposeHealthCheck? test = ReadTest(mapping, what, kind);
        ComposeHealthCheck otherwise = test ?? new ComposeHealthCheck { Test = ComposeHealthTest.Command };
        TimeSpan interval = Positive(values.Duration(mapping, "interval", $"{what}.interval"), otherwise.Interval);
        ComposeHealthCheck check = otherwise with
        {
            Interval = interval,
            Timeout = Positive(values.Duration(mapping, "timeout", $"{what}.timeout"), otherwise.Timeout),
            Retries = Math.Max(1, values.Count(mapping, "retries", $"{what}.retries") ?? otherwise.Retries),
            StartPeriod = values.Duration(mapping, "start_period", $"{what}.start_period") ?? otherwise.StartPeriod,
            StartInterval = Positive(values.Duration(mapping, "start_interval", $"{what}.start_interval"), interval < otherwise.StartInterval ? interval : otherwise.StartInterval),
        };
        return test is null ? null : check;
    }

    private static TimeSpan Positive(TimeSpan? value, TimeSpan otherwise) => value is { Ticks: > 0 } given ? given : otherwise;

    private ComposeHealthCheck? ReadTest(YamlMapping mapping, string what, ComposeServiceKind kind)
    {
        if (mapping["x-http"] is { } http)
        {
            string text = values.Text(mapping, "x-http", $"{what}.x-http") ?? "";
            return ParseHttp(text.Contains("://", StringComparison.Ordinal) ? text : $"http://localhost:{text}")
                ?? Wrong(http, $"{what}.x-http is PORT/PATH, such as 8080/health, not \"{text}\".");
        }

        if (mapping["x-tcp"] is not null)
        {
            return values.Count(mapping, "x-tcp", $"{what}.x-tcp", 65535) is { } port ? new ComposeHealthCheck { Test = ComposeHealthTest.Tcp, Port = port } : null;
        }

        if (mapping["test"] is not { } test || test.IsNull)
        {
            diagnostics.Error(mapping.Location, $"{what} has no test. Write test: [CMD, PROGRAM, ARGUMENTS …], x-http: PORT/PATH or x-tcp: PORT");
            return null;
        }

        IReadOnlyList<string> words = values.Texts(mapping, "test", $"{what}.test");
        switch (words)
        {
            case ["NONE"]:
                return null;
            case ["CMD" or "CMD-SHELL", _, ..]:
                break;
            default:
                return Wrong(test, $"{what}.test begins with CMD, CMD-SHELL or NONE: test: [CMD, PROGRAM, ARGUMENTS …]");
        }

        if (kind is ComposeServiceKind.Process or ComposeServiceKind.Container)
        {
            string[] command = words[0] == "CMD" ? [.. words.Skip(1)] : ["/bin/sh", "-c", string.Join(' ', words.Skip(1))];
            return new ComposeHealthCheck { Test = ComposeHealthTest.Command, Command = command };
        }

        return Understand(words) ?? Wrong(
            test, $"{what}.test can't be executed: there is no program in {(kind == ComposeServiceKind.Static ? "a static site" : "a guest")} but its own. Write x-http: PORT/PATH or x-tcp: PORT in its place.");
    }

    /// <summary>What a usual command asks, or null.</summary>
    private static ComposeHealthCheck? Understand(IReadOnlyList<string> words)
    {
        string[] command;
        try
        {
            command = words[0] == "CMD" ? [.. words.Skip(1)] : [.. ShellWords.Split(string.Join(' ', words.Skip(1)))];
        }
        catch (FormatException)
        {
            return null;
        }

        // "… || exit 1" changes nothing.
        int end = Array.IndexOf(command, "||");
        if (end >= 0 && command.AsSpan(end + 1) is ["exit", _] or ["false"])
        {
            command = command[..end];
        }

        switch (Path.GetFileName(command.FirstOrDefault() ?? ""))
        {
            case "curl" or "wget":
                string[] addresses = [.. command.Where(word => word.Contains("localhost", StringComparison.Ordinal) || word.Contains("127.0.0.1", StringComparison.Ordinal))];
                return addresses is [var address] ? ParseHttp(address.Contains("://", StringComparison.Ordinal) ? address : $"http://{address}") : null;
            case "nc" when command is [.., "localhost" or "127.0.0.1", var port] && int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is > 0 and <= 65535:
                return new ComposeHealthCheck { Test = ComposeHealthTest.Tcp, Port = number };
            default:
                return null;
        }
    }

    private static ComposeHealthCheck? ParseHttp(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme == "http" && uri.IsLoopback
            ? new ComposeHealthCheck { Test = ComposeHealthTest.Http, Port = uri.Port, Path = uri.PathAndQuery }
            : null;

    private ComposeHealthCheck? Wrong(YamlNode node, string message)
    {
        diagnostics.Error(node.Location, message);
        return null;
    }
}
