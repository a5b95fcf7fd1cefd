using System.Globalization;
using System.Text;
using Wherry.Cli.Output;
using Wherry.Compose;
using Wherry.Compose.Control;
using Wherry.Compose.Logs;

namespace Wherry.Up;

/// <summary>Prints the services' lines: behind their names, in colours on a terminal, or as JSON.</summary>
internal sealed class LogPrinter
{
    private static readonly int[] Colors = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];

    private readonly Stream output = Console.OpenStandardOutput();
    private readonly Lock gate = new();
    private readonly List<string> names;
    private readonly int width;
    private readonly bool isJson;
    private readonly bool hasColors;
    private bool isMuted;
    private string? status;

    public LogPrinter(IEnumerable<string> services, bool isJson)
    {
        names = [.. services];
        width = names.Select(name => name.Length).DefaultIfEmpty(0).Max() + 2;
        this.isJson = isJson;
        hasColors = !isJson && !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
    }

    public void Print(LogLine line)
    {
        string text = isJson ? ControlServer.ToJson(line).ToJsonString() + "\n" : Format(line);
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        lock (gate)
        {
            Write(status is null ? bytes : [.. "\r\e[K"u8, .. bytes, .. Encoding.UTF8.GetBytes(status)]);
        }
    }

    /// <summary>Whether there is a terminal, on whose last line <see cref="SetStatus"/> can show something.</summary>
    public bool HasStatusLine => hasColors && Terminal.HasColors(Console.IsOutputRedirected);

    /// <summary>Shows a line below all others, which the next one takes the place of.</summary>
    /// <param name="text">Cut to the terminal's width; null for none any more.</param>
    public void SetStatus(string? text)
    {
        string? line = null;
        if (text is not null)
        {
            text = TerminalText.Clean(text);
            int room = Math.Max(10, Width() - 1);
            line = $"\e[2m{(text.Length > room ? text[..(room - 1)] + "…" : text)}\e[0m";
        }

        lock (gate)
        {
            if (line != status)
            {
                status = line;
                Write([.. "\r\e[K"u8, .. Encoding.UTF8.GetBytes(line ?? "")]);
            }
        }
    }

    /// <summary>Prints nothing from now on.</summary>
    public void Mute()
    {
        lock (gate)
        {
            isMuted = true;
        }
    }

    private static int Width()
    {
        try
        {
            return Console.WindowWidth;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        if (isMuted)
        {
            return;
        }

        try
        {
            output.Write(bytes);
        }
        catch (IOException)
        {
            // Nobody reads any more. The services go on.
            isMuted = true;
        }
    }

    private string Format(LogLine line)
    {
        // Lines of another process's may not have been cleaned.
        string name = string.Create(CultureInfo.InvariantCulture, $"{TerminalText.Clean(line.Service)}-{line.Replica}").PadRight(width);
        string text = TerminalText.Clean(line.Source == LogSource.Wherry ? $"* {line.Text}" : line.Text);
        if (!hasColors)
        {
            return $"{name} | {text}\n";
        }

        int color = Colors[Math.Max(0, names.IndexOf(line.Service)) % Colors.Length];
        return string.Create(CultureInfo.InvariantCulture, $"\e[{color}m{name} |\e[0m {(line.Source == LogSource.Wherry ? $"\e[2m{text}\e[0m" : text)}\n");
    }
}
