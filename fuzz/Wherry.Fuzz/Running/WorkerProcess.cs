using System.Diagnostics;
using System.Globalization;
using System.IO.MemoryMappedFiles;

namespace Wherry.Fuzz.Running;

/// <summary>
/// Runs the inputs of a range in a process of its own, so that one that ends the process, or never ends, is noted and the others go on. The process writes the number
/// of the input that it is at into a mapped file, and lines with what it found to its output.
/// </summary>
internal static class WorkerProcess
{
    /// <summary>The option that makes this program a worker: first input, number of inputs, file for progress.</summary>
    public const string Option = "--worker";

    /// <param name="arguments">The command line of the worker, without the range.</param>
    /// <param name="batch">How many inputs a process runs. Each starts with a multiple of that, unless the one before it died.</param>
    /// <param name="getEnvironment">What the process that runs an input has in its environment besides.</param>
    /// <param name="patience">How long one input may take before it counts as endless.</param>
    /// <param name="onLine">Is given each line. May return false to stop.</param>
    /// <param name="onDeath">Is given the input at which a process died or was ended, and how.</param>
    public static void Run(IReadOnlyList<string> arguments, int first, int count, int batch, Func<int, (string Name, string Value)[]> getEnvironment, TimeSpan patience, Func<string, bool> onLine, Action<int, string> onDeath)
    {
        string progress = Path.GetTempFileName();
        try
        {
            int next = first;
            while (next < first + count)
            {
                int size = Math.Min(batch - (next % batch), first + count - next);
                File.WriteAllBytes(progress, BitConverter.GetBytes((long)next));
                if (RunOne([.. arguments, Option, Format(next), Format(size), progress], getEnvironment(next), progress, patience, onLine) is not string death)
                {
                    next += size;
                    continue;
                }

                if (death.Length == 0)
                {
                    return;
                }

                int at = (int)BitConverter.ToInt64(File.ReadAllBytes(progress));
                onDeath(at, death);
                next = at + 1;
            }
        }
        finally
        {
            File.Delete(progress);
        }
    }

    /// <returns>null if it ended well, the empty string if it was told to stop, else how it died.</returns>
    private static string? RunOne(string[] arguments, (string Name, string Value)[] environment, string progress, TimeSpan patience, Func<string, bool> onLine)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet")
        {
            start.ArgumentList.Add(typeof(WorkerProcess).Assembly.Location);
        }

        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        bool isStopped = false;
        bool isEndless = false;
        using var stopWatching = new ManualResetEventSlim();
        var watcher = new Thread(() =>
        {
            long last = -1;
            while (!stopWatching.Wait(patience))
            {
                long now = BitConverter.ToInt64(File.ReadAllBytes(progress));
                if (now == last)
                {
                    isEndless = true;
                    process.Kill(entireProcessTree: true);
                    return;
                }

                last = now;
            }
        });
        watcher.Start();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        while (process.StandardOutput.ReadLine() is string line)
        {
            if (!onLine(line))
            {
                isStopped = true;
                process.Kill(entireProcessTree: true);
                break;
            }
        }

        process.WaitForExit();
        stopWatching.Set();
        watcher.Join();
        if (isStopped)
        {
            return "";
        }

        string said = errors.Result;
        return isEndless ? "it does not end"
            : process.ExitCode == 0 ? null
            : string.Create(CultureInfo.InvariantCulture, $"the process ended with {process.ExitCode}: {said[..Math.Min(said.Length, 2000)]}");
    }

    private static string Format(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A worker's note of where it is, which survives its death.</summary>
internal sealed class ProgressFile(string path) : IDisposable
{
    private readonly MemoryMappedFile file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, sizeof(long));
    private MemoryMappedViewAccessor? view;

    public void Set(int input)
    {
        view ??= file.CreateViewAccessor();
        view.Write(0, (long)input);
    }

    public void Dispose()
    {
        view?.Dispose();
        file.Dispose();
    }
}
