using System.Diagnostics;

namespace Wherry.Fuzz.Differential;

/// <summary>A program of another project, named by its path or by a command line such as <c>chroot /debian wasm-tools</c>.</summary>
internal sealed class ExternalTool(string commandLine)
{
    private readonly string[] words = commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    public static ExternalTool? OrNone(string? commandLine) => commandLine is null ? null : new ExternalTool(commandLine);

    public ProcessStartInfo CreateStart(params ReadOnlySpan<string> arguments)
    {
        var start = new ProcessStartInfo(words[0]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in words.AsSpan(1))
        {
            start.ArgumentList.Add(argument);
        }

        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return start;
    }

    /// <summary>Runs it with bytes for its input; its output, or null if it failed or took longer than a minute.</summary>
    public byte[]? Run(ReadOnlySpan<byte> input, params ReadOnlySpan<string> arguments)
    {
        using var process = Process.Start(CreateStart(arguments))!;
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        try
        {
            process.StandardInput.BaseStream.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading all.
        }

        using var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        if (!process.WaitForExit(TimeSpan.FromMinutes(1)))
        {
            process.Kill();
            return null;
        }

        return process.ExitCode == 0 && output.Length > 0 ? output.ToArray() : null;
    }
}
