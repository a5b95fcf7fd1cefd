using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Wherry.Cli.Commands;

/// <summary>
/// The commands that work on Compose files. They are another program's (wherry-up, beside this one), which needs ASP.NET Core: this process becomes that one, with the same
/// arguments.
/// </summary>
internal static unsafe partial class ComposeCommands
{
    private const string Program = "wherry-up.dll";

    private static readonly (string Name, string Description)[] All =
    [
        ("up", "Runs the services of a Compose file in one process."),
        ("down", "Stops a running project."),
        ("ps", "Shows the services of a running project."),
        ("top", "Shows memory and processor time of the services of a running project."),
        ("logs", "Prints what the services of a running project wrote."),
        ("start", "Starts services that were stopped."),
        ("stop", "Stops services."),
        ("restart", "Stops services and starts them again."),
        ("scale", "Changes how many replicas services of a running project have."),
        ("dashboard", "Prints a link to the dashboard of a running project, which opens it once."),
        ("update", "Replaces a guest of a running project by another module, without refusing a connection."),
        ("egress", "Shows where the guests of a running project have connected to."),
        ("config", "Checks Compose files and prints what they come to."),
    ];

    public static bool IsOne(string name)
    {
        foreach ((string command, _) in All)
        {
            if (command == name)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Only for help: what is typed is handed over before it is parsed.</summary>
    public static IEnumerable<Command> Create() => All.Select(command => new Command(command.Name, command.Description));

    public static int HandOver(string[] arguments)
    {
        string program = Path.Combine(AppContext.BaseDirectory, Program);
        string dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));
        if (!File.Exists(program))
        {
            throw CommandException.CannotRun($"{program} is missing: install the command again.");
        }

        if (!File.Exists(dotnet))
        {
            throw CommandException.CannotRun($"there is no {dotnet}, with which {Program} is run.");
        }

        string[] line = [dotnet, "exec", program, .. arguments];
        return OperatingSystem.IsWindows() ? Start(line) : Become(line);
    }

    private static int Become(string[] line)
    {
        // Sound: the array ends with null, each text with a zero, and all stay until the process is another.
        byte** pointers = (byte**)NativeMemory.AllocZeroed((nuint)line.Length + 1, (nuint)sizeof(byte*));
        for (int i = 0; i < line.Length; i++)
        {
            byte[] text = Encoding.UTF8.GetBytes(line[i] + '\0');
            pointers[i] = (byte*)NativeMemory.Alloc((nuint)text.Length);
            text.CopyTo(new Span<byte>(pointers[i], text.Length));
        }

        _ = Execute(pointers[0], pointers);
        throw CommandException.CannotRun($"{line[0]} can't be run: error {Marshal.GetLastPInvokeError()}.");
    }

    private static int Start(string[] line)
    {
        using Process process = Process.Start(line[0], line[1..]);
        process.WaitForExit();
        return process.ExitCode;
    }

    [LibraryImport("libc", EntryPoint = "execv", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Execute(byte* path, byte** arguments);
}
