using System.Diagnostics;
using Wherry.Cli;
using Wherry.Cli.Output;

namespace Wherry.Up;

/// <summary>Runs <c>wherry up</c> in the background: a process of its own session, which says when it is ready.</summary>
internal static class Detached
{
    /// <summary>Tells the process that it is the one in the background.</summary>
    public const string Variable = "WHERRY_DETACHED";

    private const string Ready = "\0ready";

    /// <summary>Starts it, and passes on what it says until it is ready.</summary>
    public static int Start(IEnumerable<string> arguments)
    {
        string self = typeof(Detached).Assembly.Location;
        var start = new ProcessStartInfo("setsid")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in (IEnumerable<string>)[Environment.ProcessPath!, "exec", self, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment[Variable] = "1";
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new CommandException(ExitCodes.Failure, $"setsid (util-linux), by which a process goes into the background, can't be run: {exception.Message}");
        }

        using (process)
        {
            process.StandardInput.Close();
            Task error = CopyAsync(process.StandardError);
            while (process.StandardOutput.ReadLine() is { } line)
            {
                if (line == Ready)
                {
                    return ExitCodes.Success;
                }

                Console.Out.WriteLine(line);
            }

            process.WaitForExit();
            error.Wait();
            return process.ExitCode == 0 ? ExitCodes.Failure : process.ExitCode;
        }
    }

    /// <summary>Tells the process in the foreground that it may end.</summary>
    public static void TellReady()
    {
        using Stream output = Console.OpenStandardOutput();
        output.Write(System.Text.Encoding.UTF8.GetBytes(Ready + "\n"));
    }

    private static async Task CopyAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            // It says "wherry: " itself.
            await Console.Error.WriteLineAsync(Terminal.Clean(line)).ConfigureAwait(false);
        }
    }
}
