using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Wherry.Testing;

/// <summary>A process whose output is collected while it runs.</summary>
internal sealed partial class RunningCommand : IAsyncDisposable
{
    /// <summary>Far more than anything takes, even on a busy machine: reached only by what hangs.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly Process process;
    private readonly StringBuilder output = new();
    private readonly StringBuilder error = new();
    private readonly ConcurrentBag<TaskCompletionSource> waiters = [];
    private readonly Task ended;
    private bool isDisposed;

    static RunningCommand() => InterruptSignal.StopIgnoring();

    private RunningCommand(Process process)
    {
        this.process = process;
        Task outputEnd = CollectAsync(process.StandardOutput, output);
        Task errorEnd = CollectAsync(process.StandardError, error);
        ended = Task.WhenAll(outputEnd, errorEnd);
        _ = ended.ContinueWith(_ => Notify(), TaskScheduler.Default);
    }

    public int Id => process.Id;

    public string Output => Read(output);

    public string Error => Read(error);

    public Process Process => process;

    /// <summary>Starts the command of this project.</summary>
    public static RunningCommand StartWherry(params string[] arguments) => Start("dotnet", [Repository.Command, .. arguments]);

    public static RunningCommand Start(string program, IEnumerable<string> arguments, string? folder = null, params (string Name, string? Value)[] environment)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
            WorkingDirectory = folder ?? Repository.Root,
        };
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        // Native code of earlier runs must not change what is tested. A test of the cache has one of its own.
        start.Environment["XDG_CACHE_HOME"] = "/dev/null";
        foreach ((string name, string? value) in environment)
        {
            start.Environment[name] = value;
        }

        return new RunningCommand(Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start."));
    }

    /// <summary>Runs the command of this project to its end.</summary>
    public static Task<Result> WherryAsync(params string[] arguments) => RunAsync(StartWherry(arguments), []);

    /// <summary>Runs the command of this project to its end, in a folder and with variables of the environment.</summary>
    public static Task<Result> RunInAsync(string folder, string[] arguments, params (string Name, string? Value)[] environment) =>
        RunAsync(Start("dotnet", [Repository.Command, .. arguments], folder, environment), []);

    /// <summary>Runs the command of this project to its end, with standard input.</summary>
    public static Task<Result> WherryWithInputAsync(byte[] input, params string[] arguments) => RunAsync(StartWherry(arguments), input);

    public static Task<Result> RunAsync(string program, params string[] arguments) => RunAsync(Start(program, arguments), []);

    /// <summary>Waits for the end.</summary>
    /// <param name="patience">How long; null for <see cref="Patience"/>.</param>
    public async Task<Result> EndAsync(TimeSpan? patience = null)
    {
        using var limit = new CancellationTokenSource(patience ?? Patience);
        try
        {
            await process.WaitForExitAsync(limit.Token);
            await ended.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"The process did not end. Output:\n{Output}\nErrors:\n{Error}");
        }

        return new Result(process.ExitCode, Output, Error);
    }

    /// <summary>Waits until a line of the output or of the errors matches.</summary>
    public async Task<Match> WaitForAsync(Regex pattern)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (true)
        {
            var change = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            waiters.Add(change);
            bool hasEnded = ended.IsCompleted;
            foreach (string text in new[] { Output, Error })
            {
                if (pattern.Match(text) is { Success: true } match)
                {
                    return match;
                }
            }

            Assert.False(hasEnded, $"The process ended without '{pattern}'. Output:\n{Output}\nErrors:\n{Error}");
            try
            {
                await change.Task.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"'{pattern}' did not come. Output:\n{Output}\nErrors:\n{Error}");
            }
        }
    }

    /// <summary>Waits until the host says where a published port listens.</summary>
    public async Task<int> WaitForPortAsync()
    {
        Match match = await WaitForAsync(ListeningLine());
        return int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
    }

    public void Signal(PosixSignal signal)
    {
        int number = signal switch
        {
            PosixSignal.SIGINT => 2,
            PosixSignal.SIGTERM => 15,
            _ => 9,
        };
        Assert.Equal(0, Kill(process.Id, number));
    }

    public void KillAtOnce() => process.Kill();

    public async ValueTask DisposeAsync()
    {
        if (isDisposed)
        {
            return;
        }

        isDisposed = true;
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }

        process.Dispose();
    }

    private static async Task<Result> RunAsync(RunningCommand command, byte[] input)
    {
        await using (command)
        {
            try
            {
                await command.process.StandardInput.BaseStream.WriteAsync(input);
                command.process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It ended without reading.
            }

            return await command.EndAsync();
        }
    }

    private async Task CollectAsync(StreamReader reader, StringBuilder text)
    {
        var buffer = new char[4096];
        for (int length; (length = await reader.ReadAsync(buffer)) > 0;)
        {
            lock (text)
            {
                text.Append(buffer, 0, length);
            }

            Notify();
        }

    }

    private void Notify()
    {
        while (waiters.TryTake(out TaskCompletionSource? waiter))
        {
            waiter.TrySetResult();
        }
    }

    private static string Read(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }

    // The guest may say much the same of its own address.
    [GeneratedRegex(@"wherry: listening on \S+:(\d+)")]
    private static partial Regex ListeningLine();

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);
}

/// <summary>How a process ended.</summary>
internal sealed record Result(int ExitCode, string Output, string Error)
{
    /// <summary>Asserts an exit code and shows what the process said if it is another.</summary>
    public Result Expect(int exitCode)
    {
        Assert.True(ExitCode == exitCode, $"The exit code is {ExitCode}, not {exitCode}. Output:\n{Output}\nErrors:\n{Error}");
        Assert.DoesNotContain("Unhandled exception", Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at Wherry", Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at System", Error, StringComparison.Ordinal);
        return this;
    }
}
