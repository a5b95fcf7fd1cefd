using Wherry.Compose.Logs;

namespace Wherry.Compose.Running.Watching;

/// <summary>Replaces guests of a running project whose module or settings have changed: <c>wherry up --watch</c>.</summary>
/// <param name="runner">The project.</param>
/// <param name="load">Reads the project's files anew.</param>
/// <param name="options">How long replacements may take.</param>
internal sealed class ProjectWatcher(ProjectRunner runner, Func<ComposeProject> load, UpdateOptions options)
{
    /// <summary>How often it looks where the system has told of nothing.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(300);

    /// <summary>For how long a file has to stay as it is, to be taken for complete.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(30);

    private readonly FileStamps stamps = new();

    // As the files had them last.
    private Dictionary<string, ComposeService> services = runner.Project.Services.ToDictionary(service => service.Name);
    private IReadOnlyList<string> files = runner.Project.Files;

    /// <summary>Watches until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var changes = new FolderChanges();
        while (true)
        {
            try
            {
                changes.Follow(Paths);
                await LookAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                Tell(exception.Message);
            }

            if (stamps.IsAnyChanging)
            {
                await Task.Delay(Settling, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await changes.WaitAsync(Interval, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Looks once.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        HashSet<string> changed = [.. stamps.Look(Paths)];
        if (changed.Count == 0)
        {
            return;
        }

        Dictionary<string, ComposeService> before = services;
        if (files.Any(changed.Contains) && !TryRead())
        {
            return;
        }

        List<Task> updates = [];
        foreach (ComposeService service in services.Values)
        {
            if (!before.TryGetValue(service.Name, out ComposeService? old) || runner.FindService(service.Name) is null)
            {
                Tell($"{service.Name} is new. wherry down and wherry up start it.");
            }
            else if (!GuestSettings.CanReplace(old, service))
            {
                if (!GuestSettings.AreAlike(old, service))
                {
                    Tell($"{service.Name} has changed in what can't change while it runs. wherry down and wherry up apply it.");
                }
            }
            else if (!GuestSettings.AreSame(old, service) || WatchedFiles(service).Any(changed.Contains))
            {
                updates.Add(runner.UpdateAsync(service, options, cancellationToken));
            }
        }

        foreach (string name in before.Keys.Except(services.Keys))
        {
            Tell($"{name} is no longer in the file. wherry stop {name} ends it.");
        }

        await Task.WhenAll(updates).ConfigureAwait(false);
    }

    private IEnumerable<string> Paths => files.Concat(services.Values.SelectMany(WatchedFiles));

    private static IEnumerable<string> WatchedFiles(ComposeService service) => service.ModulePath is { } module ? [module] : [];

    private bool TryRead()
    {
        try
        {
            ComposeProject read = load();
            services = read.Services.ToDictionary(service => service.Name);
            files = read.Files;
            return true;
        }
        catch (ComposeFileException exception)
        {
            foreach (ComposeDiagnostic diagnostic in exception.Diagnostics)
            {
                Tell(diagnostic.ToString());
            }

            return false;
        }
    }

    private void Tell(string message) => runner.Logs.Add("wherry", 1, LogSource.Wherry, message);
}
