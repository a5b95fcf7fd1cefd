using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Wherry.Compilation;

namespace Wherry.Cli.Running;

/// <summary>
/// Tells perf the names of the guest's functions. The runtime writes /tmp/perf-PID.map itself if it is told to before it starts, but knows only the methods that functions were
/// compiled to: so the command starts itself anew with that setting, in the same process, and when the guest has ended puts the functions' names into the file.
/// </summary>
internal sealed partial class PerfMap : IDisposable
{
    // Only the map of jitted code: 1 would also write what the runtime has loaded.
    private const string Setting = "DOTNET_PerfMapEnabled";
    private const string MapOnly = "3";

    private readonly List<Module> modules = [];
    private readonly Lock gate = new();
    private bool isWritten;

    public PerfMap() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Write();

    /// <summary>Does not return if the process has to start anew.</summary>
    public static void Require()
    {
        if (!OperatingSystem.IsLinux())
        {
            throw CommandException.Usage("--perf-map is for perf, which is on Linux only.");
        }

        if (Environment.GetEnvironmentVariable(Setting) is not null)
        {
            return;
        }

        string[] arguments = File.ReadAllText("/proc/self/cmdline").TrimEnd('\0').Split('\0');

        // Lists of the system end with null. If it succeeds, nothing of this process is left.
        _ = Execute("/proc/self/exe", [.. arguments, null], [.. ReadEnvironment(), $"{Setting}={MapOnly}", null]);
        throw CommandException.CannotRun($"the command can't be started with {Setting}={MapOnly}: set it yourself. ({Marshal.GetLastPInvokeErrorMessage()})");
    }

    /// <summary>In the order in which modules are loaded.</summary>
    public void Add(Module module) => modules.Add(module);

    public void Dispose() => Write();

    private static IEnumerable<string> ReadEnvironment()
    {
        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            yield return $"{variable.Key}={variable.Value}";
        }
    }

    private void Write()
    {
        lock (gate)
        {
            if (isWritten)
            {
                return;
            }

            isWritten = true;
            string path = $"/tmp/perf-{Environment.ProcessId}.map";
            if (!File.Exists(path))
            {
                return;
            }

            try
            {
                // What the runtime compiles from now on goes to the old file, which nobody sees any more: the guest has ended.
                string[] lines = File.ReadAllLines(path);

                // The folder is everybody's: what another has put there under the name is not written to.
                using (var writer = new StreamWriter(new FileStream(path + ".wherry", FileMode.CreateNew, FileAccess.Write), new UTF8Encoding(false)))
                {
                    foreach (string line in lines)
                    {
                        writer.WriteLine(Rename(line));
                    }
                }

                File.Move(path + ".wherry", path, overwrite: true);
            }
            catch (IOException)
            {
                // The map keeps the methods' names.
            }
        }
    }

    private string Rename(string line)
    {
        Match method = Method().Match(line);
        return method.Success && FindModule(method.Groups["module"].Value) is { } module
            ? $"{method.Groups["range"].Value} {Name(module, int.Parse(method.Groups["function"].ValueSpan, CultureInfo.InvariantCulture))}"
            : line;
    }

    private Module? FindModule(string number) => modules.Find(module => module.Code is JittedModule jitted && jitted.Id.ToString(CultureInfo.InvariantCulture) == number);

    private static string Name(Module module, int function) => module.DebugInformation.GetFunctionName(function) ?? $"function[{function}]";

    // 0x7f8970c11080 19e5 int32 [Wherry.Guest] m1.c4::f23(int32,class [Wherry.Runtime]Wherry.Execution.GuestInstance)[Optimized]
    [GeneratedRegex(@"^(?<range>\S+ \S+) .*\bm(?<module>\d+)\.c\d+::f(?<function>\d+)[br]?\d*\(")]
    private static partial Regex Method();

    [DllImport("libc", EntryPoint = "execve", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Execute(
        [MarshalAs(UnmanagedType.LPUTF8Str)] string program,
        [MarshalAs(UnmanagedType.LPArray, ArraySubType = UnmanagedType.LPStr)] string?[] arguments,
        [MarshalAs(UnmanagedType.LPArray, ArraySubType = UnmanagedType.LPStr)] string?[] environment);
}
