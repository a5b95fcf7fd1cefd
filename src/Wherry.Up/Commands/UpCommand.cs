using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using Wherry.Cli;
using Wherry.Cli.Options;
using Wherry.Cli.Output;
using Wherry.Compose;
using Wherry.Compose.Control;
using Wherry.Compose.Running.Watching;
using Wherry.Up.Observing;
using Wherry.Wasi.Scheduling;

namespace Wherry.Up.Commands;

/// <summary><c>wherry up</c>: runs a project until it ends or is told to.</summary>
internal sealed class UpCommand
{
    private readonly ProjectOptions project = new();
    private readonly ObservingOptions observing = new();
    private readonly Argument<string[]> services = new("services") { Description = "Only these, and what they depend on.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<bool> detach = OptionFactory.Switch("--detach", "Run in the background: return when all services run, and are healthy where they have a check.", "-d");
    private readonly Option<bool> processes = OptionFactory.Switch("--allow-processes", "Let x-wherry: process start programs of this machine, with all your rights.");
    private readonly Option<bool> containers = OptionFactory.Switch("--allow-containers", "Let docker or podman run images that are not modules.");
    private readonly Option<KeyValuePair<string, int>[]> scale = OptionFactory.Repeated("--scale", "SERVICE=COUNT", "How many replicas a service has.", ParseScale);
    private readonly Option<bool> json = OptionFactory.Switch("--json", "Print lines of logs as JSON.");
    private readonly Option<bool> watch = OptionFactory.Switch("--watch", "Replace guests whose module or settings in the file change, without refusing a connection.", "-w");
    private readonly Option<bool> noCache = OptionFactory.Switch("--no-cache", "Neither use native code from the cache nor have modules compiled for it.");
    private readonly Option<double?> timeout = OptionFactory.Single<double?>("--timeout", "SECONDS", "How long services may take to stop, in place of what the file says.", text => ParseSeconds("--timeout", text), "-t");

    public static Command Create()
    {
        var up = new UpCommand();
        var command = new Command("up", "Runs the services of a Compose file in one process.")
        {
            up.detach, up.processes, up.containers, up.scale, up.watch, up.json, up.noCache, up.timeout, up.services,
        };
        up.observing.AddTo(command);
        up.project.AddTo(command);
        command.SetAction(up.Run);
        return command;
    }

    public static double ParseSeconds(string option, string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds <= 86400 ? seconds : throw new FormatException($"{option} '{text}' is not a number of seconds.");

    public static KeyValuePair<string, int> ParseScale(string text) =>
        text.Split('=') is [{ Length: > 0 } name, var count] && int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= 100_000
            ? KeyValuePair.Create(name, number)
            : throw new FormatException($"--scale '{text}' is not SERVICE=COUNT.");

    private int Run(ParseResult result)
    {
        string[] names = result.GetValue(services) ?? [];
        ComposeProject loaded = project.Load(result, names);
        bool isChild = Environment.GetEnvironmentVariable(Detached.Variable) is not null;
        if (!isChild)
        {
            foreach (ComposeDiagnostic warning in loaded.Warnings)
            {
                Terminal.Note(warning.ToString());
            }

            if (result.GetValue(detach))
            {
                return Detached.Start(result.Tokens.Select(token => token.Value));
            }
        }

        return RunAsync(result, loaded, names, isChild).GetAwaiter().GetResult();
    }

    private async Task<int> RunAsync(ParseResult result, ComposeProject loaded, string[] names, bool isChild)
    {
        PoolThreads.Keep();
        GuestScheduler.LowersLongTurns = true;
        var printer = new LogPrinter(loaded.Services.Select(service => service.Name), result.GetValue(json));
        TimeSpan? limit = result.GetValue(timeout) is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
        await using var runner = new ProjectRunner(loaded, new ProjectRunnerOptions
        {
            AllowsProcesses = result.GetValue(processes),
            AllowsContainers = result.GetValue(containers),
            CodeCache = result.GetValue(noCache) ? null : new CodeCache(),
            Replicas = (result.GetValue(scale) ?? []).ToDictionary(),
            Log = printer.Print,
        });
        using var ending = new CancellationTokenSource();
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int exitCode = -1;
        using var control = new ControlServer(runner, given =>
        {
            limit = given ?? limit;
            End(ExitCodes.Success);
            return stopped.Task;
        });
        await using IAsyncDisposable observation = await observing.StartAsync(result, runner, control).ConfigureAwait(false);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => OnSignal(context, ExitCodes.Interrupted));
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => OnSignal(context, ExitCodes.Terminated));
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => OnSignal(context, ExitCodes.Terminated));
        try
        {
            Task<string?> starting = isChild ? runner.StartUntilReadyAsync(names, ending.Token) : StartAsync();
            if (printer.HasStatusLine && !isChild)
            {
                _ = new StartProgress(printer, () => runner.Status).RunAsync(starting, ending.Token);
            }

            if (await starting.ConfigureAwait(false) is { } problem)
            {
                Terminal.Error($"not all services could be started{(problem.Length > 0 ? $": {problem}" : "")}.");
                End(ExitCodes.Failure);
            }
            else if (isChild)
            {
                foreach (ReplicaStatus status in runner.Status.Where(status => status.State != ReplicaState.Idle && (status.Restarts > 0 || status.State == ReplicaState.Restarting)))
                {
                    Terminal.Note(string.Create(CultureInfo.InvariantCulture, $"{status.Service}-{status.Replica} has ended with code {(uint)(status.ExitCode ?? 0)} and is started again: wherry logs {status.Service}"));
                }

                printer.Mute();
                Detached.TellReady();
            }

            Task watching = result.GetValue(watch) ? new ProjectWatcher(runner, () => project.Load(result, names), new UpdateOptions()).RunAsync(ending.Token) : Task.CompletedTask;
            int code = await runner.WaitForEndAsync(ending.Token).ConfigureAwait(false);

            // In the background a project stays until it is taken down, since its services can be started again; one that is watched, since they may be changed.
            await watching.ConfigureAwait(false);
            if (isChild)
            {
                await Task.Delay(Timeout.Infinite, ending.Token).ConfigureAwait(false);
            }

            return ExitCodes.OfGuest(code);
        }
        catch (OperationCanceledException)
        {
            await runner.StopAsync(limit: limit).ConfigureAwait(false);
            return Volatile.Read(ref exitCode);
        }
        finally
        {
            stopped.TrySetResult();

            // Those who asked for the end are told before it comes.
            await Task.Delay(10, CancellationToken.None).ConfigureAwait(false);
        }

        async Task<string?> StartAsync() => await runner.StartAsync(names, ending.Token).ConfigureAwait(false) ? null : "";

        void OnSignal(PosixSignalContext context, int code)
        {
            context.Cancel = true;
            if (!End(code))
            {
                runner.Kill();
            }
        }

        bool End(int code)
        {
            bool isFirst = Interlocked.CompareExchange(ref exitCode, code, -1) == -1;
            if (isFirst)
            {
                ending.Cancel();
            }

            return isFirst;
        }
    }
}
