using Wherry.Cli.Output;

namespace Wherry.Cli.Running;

/// <summary>Samples a guest and writes the profile when it has ended, however it ends.</summary>
internal sealed class ProfileFile : IDisposable
{
    private readonly string path;
    private readonly FileStream file;
    private readonly GuestProfiler profiler;
    private readonly Lock gate = new();
    private bool isWritten;

    public ProfileFile(string path, Store store)
    {
        this.path = path;
        try
        {
            file = new FileStream(path, FileMode.Create, FileAccess.Write);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CommandException.Usage($"--profile {path} can't be written: {exception.Message}");
        }

        profiler = new GuestProfiler(store);

        // SIGINT and SIGTERM end the process while the guest still runs.
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Write();
    }

    public void Dispose() => Write();

    private void Write()
    {
        lock (gate)
        {
            if (isWritten)
            {
                return;
            }

            isWritten = true;
            profiler.Dispose();
            profiler.Save(file);
            file.Dispose();
            Terminal.Note($"the profile is in {path}: open it in https://www.speedscope.app, or in the DevTools of Chrome (Performance, load profile).");
        }
    }
}
