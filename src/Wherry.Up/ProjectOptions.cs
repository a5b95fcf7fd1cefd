using System.CommandLine;
using Wherry.Cli.Options;
using Wherry.Compose;

namespace Wherry.Up;

/// <summary>The options by which every command finds its project.</summary>
internal sealed class ProjectOptions
{
    private readonly Option<string[]> files = OptionFactory.Repeated("--file", "FILE", "A Compose file; later ones are laid over earlier ones. compose.yaml here or in a folder above unless given.", text => text);
    private readonly Option<string?> name = OptionFactory.Single("--project-name", "NAME", "The project's name; the file's own, or its folder's, unless given.", text => text, "-p");
    private readonly Option<string?> folder = OptionFactory.Single("--project-directory", "FOLDER", "What relative paths in the files are relative to; the first file's folder unless given.", text => text);
    private readonly Option<string[]> profiles = OptionFactory.Repeated("--profile", "NAME", "Turns the services of a profile on; '*' turns all on.", text => text);
    private readonly Option<string[]> environmentFiles = OptionFactory.Repeated("--env-file", "FILE", "Variables for the Compose file; .env beside it unless given.", text => text);

    /// <param name="command">The command that gets them.</param>
    /// <param name="fileAlias">Whether <c>-f</c> names a file.</param>
    public void AddTo(Command command, bool fileAlias = true)
    {
        if (fileAlias)
        {
            files.Aliases.Add("-f");
        }

        command.Options.Add(files);
        command.Options.Add(name);
        command.Options.Add(folder);
        command.Options.Add(profiles);
        command.Options.Add(environmentFiles);
    }

    /// <summary>The project's name, for commands that ask a running one. The files are read only if no name is given.</summary>
    public string Name(ParseResult result) => result.GetValue(name) ?? Load(result).Name;

    /// <exception cref="ComposeFileException">The files are wrong.</exception>
    public ComposeProject Load(ParseResult result, IReadOnlyList<string>? services = null)
    {
        string? variable = Environment.GetEnvironmentVariable("COMPOSE_FILE");
        string[] given = result.GetValue(files) ?? [];
        string[] on = result.GetValue(profiles) ?? [];
        return ComposeLoader.Load(new ComposeLoadOptions
        {
            Files = given.Length > 0 ? given : variable?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries) ?? [],
            ProjectName = result.GetValue(name),
            ProjectFolder = result.GetValue(folder),
            Profiles = on.Length > 0 ? on : Environment.GetEnvironmentVariable("COMPOSE_PROFILES")?.Split(',', StringSplitOptions.RemoveEmptyEntries) ?? [],
            Services = services ?? [],
            EnvironmentFiles = result.GetValue(environmentFiles) ?? [],
        });
    }
}
