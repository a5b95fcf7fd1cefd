using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Wherry.Bench;

/// <summary>How long a process took.</summary>
internal readonly record struct Measurement(double Wall, double Processor, string Output, bool Succeeded);

/// <summary>Runs processes one at a time and measures them from outside.</summary>
internal static unsafe class MeasuredProcess
{
    private const int Children = -1;

    public static Measurement Run(IReadOnlyList<string> command, TimeSpan limit)
    {
        double processorBefore = ProcessorTimeOfChildren();
        long start = Stopwatch.GetTimestamp();
        using Process process = Start(command);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        bool ended = process.WaitForExit(limit);
        if (!ended)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }

        double wall = Stopwatch.GetElapsedTime(start).TotalSeconds;
        _ = error.Result;
        return new Measurement(wall, ProcessorTimeOfChildren() - processorBefore, output.Result, ended && process.ExitCode == 0);
    }

    public static Process Start(IReadOnlyList<string> command, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    /// <summary>User and system time of all children that have ended, in seconds.</summary>
    private static double ProcessorTimeOfChildren()
    {
        // Sound: the buffer is larger than struct rusage (144 bytes), whose first four fields are read.
        long* usage = stackalloc long[32];
        return GetResourceUsage(Children, usage) == 0 ? usage[0] + (usage[1] / 1e6) + usage[2] + (usage[3] / 1e6) : double.NaN;
    }

    [DllImport("libc", EntryPoint = "getrusage")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetResourceUsage(int who, long* usage);
}
