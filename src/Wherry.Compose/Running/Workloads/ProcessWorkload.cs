using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Wherry.Compose.Logs;

namespace Wherry.Compose.Running.Workloads;

/// <summary>A program of this machine, in a process group of its own, which ends with the project.</summary>
internal sealed partial class ProcessWorkload(
    ProcessLaunch launch, Func<IEnumerable<KeyValuePair<string, string>>> variables, Func<int, IPEndPoint?> hostPort, Action<LogSource, string> log) : Workload
{
    private const int CannotRun = 126;
    private const int Kill9 = 9;
    private static readonly TimeSpan EndCommandLimit = TimeSpan.FromSeconds(20);

    private Process? process;
    private bool isStopping;
    private bool isKilled;

    public override long? MemoryBytes => Statistics?.MemoryBytes;

    public override TimeSpan? CpuTime => Statistics?.CpuTime;

    private (TimeSpan CpuTime, long MemoryBytes)? Statistics => process is { } running && !Ended.IsCompleted ? ProcessStatistics.OfProcess(running.Id) : null;

    // A thread of its own that lives as long as the process: the signal that it gets when its parent ends comes when the thread that made it does.
    public override void Start() => new Thread(Run, 256 * 1024) { IsBackground = true, Name = launch.Name }.Start();

    public override void AskToStop()
    {
        Volatile.Write(ref isStopping, true);
        if (launch.StopSignal == Kill9)
        {
            Volatile.Write(ref isKilled, true);
        }

        Signal(launch.StopSignal);
    }

    public override void Kill()
    {
        Volatile.Write(ref isStopping, true);
        Volatile.Write(ref isKilled, true);
        Signal(Kill9);
    }

    public override async ValueTask<Stream> ConnectAsync(int port, CancellationToken cancellationToken)
    {
        IPEndPoint target = hostPort(port) ?? new IPEndPoint(IPAddress.Loopback, port);
        var socket = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(target, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public override async Task<bool> TryCommandAsync(IReadOnlyList<string> command, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = Prepare([.. launch.CheckPrefix, .. command]);
        try
        {
            using Process check = Process.Start(start)!;
            check.StandardInput.Close();
            Task<string> output = check.StandardOutput.ReadToEndAsync(cancellationToken);
            Task<string> error = check.StandardError.ReadToEndAsync(cancellationToken);
            try
            {
                await check.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
                return check.ExitCode == 0;
            }
            catch (OperationCanceledException)
            {
                check.Kill(entireProcessTree: true);
                throw;
            }
            finally
            {
                _ = output.ContinueWith(_ => { }, TaskScheduler.Default);
                _ = error.ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            log(LogSource.Wherry, $"its health check can't be run: {command[0]}: {exception.Message}");
            return false;
        }
    }

    private void Run()
    {
        int exitCode = CannotRun;
        try
        {
            ProcessStartInfo start = Prepare([.. launch.Wrapper, .. launch.Command]);
            process = Process.Start(start)!;
            process.StandardInput.Close();
            SetRunning();
            if (Volatile.Read(ref isStopping))
            {
                Signal(Volatile.Read(ref isKilled) ? Kill9 : launch.StopSignal);
            }

            Task output = CopyAsync(process.StandardOutput.BaseStream, LogSource.Output);
            Task error = CopyAsync(process.StandardError.BaseStream, LogSource.Error);
            process.WaitForExit();
            exitCode = process.ExitCode;

            // What it left behind goes with it.
            Signal(Kill9);
            Task.WaitAll([output, error], TimeSpan.FromSeconds(1));
            if (Volatile.Read(ref isKilled) && launch.EndCommand.Count > 0)
            {
                RunEndCommand();
            }
        }
        catch (Exception exception) when (exception is System.ComponentModel.Win32Exception or IOException or UnauthorizedAccessException)
        {
            log(LogSource.Wherry, $"it can't be started: {exception.Message}");
        }
        finally
        {
            SetEnded(exitCode);
        }
    }

    private void RunEndCommand()
    {
        using Process end = Process.Start(Prepare(launch.EndCommand))!;
        end.StandardInput.Close();
        _ = end.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
        _ = end.StandardError.BaseStream.CopyToAsync(Stream.Null);
        if (!end.WaitForExit(EndCommandLimit))
        {
            end.Kill(entireProcessTree: true);
            log(LogSource.Wherry, $"it was killed, but may still run: {string.Join(' ', launch.EndCommand)} did not end");
        }
    }

    private async Task CopyAsync(Stream from, LogSource source)
    {
        using var lines = new LineStream(line => log(source, line));
        try
        {
            await from.CopyToAsync(lines).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            // It has ended.
        }

        lines.EndLine();
    }

    private ProcessStartInfo Prepare(IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo(command[0])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = launch.Folder,
        };
        foreach (string argument in command.Skip(1))
        {
            start.ArgumentList.Add(argument);
        }

        // What programs need to work at all; the rest of this process's environment may be secret.
        foreach (string name in start.Environment.Keys.Except(["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT"]).ToArray())
        {
            start.Environment.Remove(name);
        }

        foreach ((string name, string value) in variables())
        {
            start.Environment[name] = value;
        }

        return start;
    }

    private void Signal(int signal)
    {
        // The group, which it leads (setsid): minus its number. Before it leads one, itself alone.
        if (process is { } running && kill(-running.Id, signal) != 0 && !running.HasExited)
        {
            _ = kill(running.Id, signal);
        }
    }

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int kill(int process, int signal);
}
