using System.Globalization;
using System.Runtime.InteropServices;

namespace Wherry.Testing;

/// <summary>
/// A shell starts what runs in its background with SIGINT ignored, and programs pass that on to those that they start: a test run under <c>nohup … &amp;</c> could
/// interrupt none of its processes.
/// </summary>
internal static class InterruptSignal
{
    private const int Interrupt = 2;
    private const nint Default = 0;

    /// <summary>Lets processes that are started from here on be interrupted. A handler that the runtime has for the signal stays.</summary>
    public static void StopIgnoring()
    {
        if (OperatingSystem.IsLinux() && IsIgnored())
        {
            Assert.NotEqual(-1, signal(Interrupt, Default));
        }
    }

    private static bool IsIgnored()
    {
        const string Field = "SigIgn:";
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(Field, StringComparison.Ordinal));
        return (ulong.Parse(line.AsSpan(Field.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (Interrupt - 1) & 1) != 0;
    }

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint signal(int number, nint handler);
}
