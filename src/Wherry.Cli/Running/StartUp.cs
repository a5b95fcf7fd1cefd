using System.Security.Cryptography;
using Wherry.Aot;

namespace Wherry.Cli.Running;

/// <summary>
/// What looking at code compiled ahead of time makes the runtime load first, done by a thread of its own beside reading options and module. It hands over nothing
/// and decides nothing: whatever fails here fails again where it is needed, and is told there (docs/RATIONALE.md, "Cryptography is loaded beside the module").
/// </summary>
internal static class StartUp
{
    /// <param name="arguments">The command line, not yet understood.</param>
    public static void Begin(string[] arguments)
    {
        if (Environment.ProcessorCount > 1 && Array.Exists(arguments, argument => argument.EndsWith(".cwasm", StringComparison.Ordinal)))
        {
            new Thread(Prepare) { IsBackground = true, Name = "start-up" }.Start();
        }
    }

    private static void Prepare()
    {
        try
        {
            _ = HMACSHA256.HashData([], (ReadOnlySpan<byte>)[]);
            _ = CpuFeatures.Text;
        }
        catch (Exception exception) when (exception is CryptographicException or TypeInitializationException)
        {
        }
    }
}
