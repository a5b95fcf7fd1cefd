using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Wherry.Aot;

namespace Wherry.Cli.Running;

/// <summary>
/// What looking at code compiled ahead of time makes the runtime load first, done by a thread of its own beside reading options and module. It hands over nothing
/// and decides nothing: whatever fails here fails again where it is needed, and is told there (docs/RATIONALE.md, "Small files are authenticated without OpenSSL").
/// </summary>
internal static class StartUp
{
    /// <param name="modulePath">What is to be run.</param>
    public static void Begin(string modulePath)
    {
        if (modulePath.EndsWith(".cwasm", StringComparison.Ordinal) && UnixFiles.GetSize(modulePath) >= MessageAuthentication.LargeSize && Environment.ProcessorCount > 1)
        {
            new Thread(Prepare) { IsBackground = true, Name = "start-up" }.Start();
        }
    }

    private static void Prepare()
    {
        try
        {
            LoadHashing();
        }
        catch (Exception)
        {
            // Told by the guest's thread, which needs the same.
        }
    }

    // Apart, so that its assembly is loaded only for it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void LoadHashing() => _ = HMACSHA256.HashData([], (ReadOnlySpan<byte>)[]);
}
