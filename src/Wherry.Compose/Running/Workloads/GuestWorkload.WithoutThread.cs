using Wherry.Compose.Logs;
using Wherry.Execution.Suspension;
using Wherry.Wasi;
using Wherry.Wasi.Scheduling;

namespace Wherry.Compose.Running.Workloads;

/// <content>Guests that give their thread back while they wait.</content>
internal sealed partial class GuestWorkload
{
    private GuestCallTask? turns;

    /// <summary>Begins, on a thread of the scheduler.</summary>
    void IGuestWork.Execute()
    {
        try
        {
            Begin();
        }
        finally
        {
            // What runs now is in the scheduler's queue before the next one.
            Starts.End();
        }
    }

    private void Begin()
    {
        Module? module = null;
        string? reason = null;
        try
        {
            module = modules.Get(service);
            reason = FindReasonForThread(module);
        }
        catch (Exception)
        {
            // The thread finds the same, and tells.
            module = null;
        }

        if (module is not null && reason is null)
        {
            _ = RunWithoutThreadAsync(module);
            return;
        }

        if (reason is not null)
        {
            log(LogSource.Wherry, $"it keeps a thread while it waits: {reason}.");
        }

        StartThread();
    }

    // The code of a start section may run, or wait, as long as it likes: here it would keep others from being started.
    private string? FindReasonForThread(Module module) => service.Cpus is not null ? "it has a share of the processors"
        : module.Definition.Start is not null ? "its module runs code while it is instantiated"
        : WasiContext.UsesThreads(module) ? "it starts threads" : module.Code.Suspension is null ? module.Code.SuspensionRefusal : null;

    private static Instance Instantiate(Store store, Module module, WasiContext context)
    {
        var linker = new Linker(module.Engine);
        context.AddTo(linker);
        return linker.Instantiate(store, module);
    }

    private async Task RunWithoutThreadAsync(Module module)
    {
        using var output = new LineStream(line => log(LogSource.Output, line));
        using var error = new LineStream(line => log(LogSource.Error, line));
        int exitCode = CannotRun;
        try
        {
            CheckRoom();
            using PooledInstance? pooled = modules.GetPool(module, Limits)?.Instantiate();
            using Store own = pooled?.Store ?? CreateStore(module);
            if (!TryBegin(own))
            {
                exitCode = Stopped;
                return;
            }

            WasiOptions options = CreateOptions(output, error) with { Scheduler = GuestScheduler.Shared };
            own.UserState = options;
            using WasiContext? context = pooled is null ? new WasiContext(options) : null;
            Instance instance = pooled?.Instance ?? Instantiate(own, module, context!);
            Function start = instance.GetFunction("_start")
                ?? throw new InvalidOperationException("The module exports no function _start: it is a library (a reactor), not a program.");
            SetRunning();
            GuestCallTask task = GuestCallTask.Start(GuestScheduler.Shared, () => new SuspendableCall(start));
            Volatile.Write(ref turns, task);
            await task.Completion.ConfigureAwait(false);
            exitCode = 0;
        }
        catch (Exception exception)
        {
            exitCode = Explain(exception, output, error);
        }
        finally
        {
            Volatile.Write(ref turns, null);
            End(exitCode, output, error);
        }
    }
}
