using System.Collections;
using System.Text;

namespace Wherry.Aot;

/// <summary>What the environment, as the process began with it, says about the use of the processor: settings of the .NET runtime such as DOTNET_EnableAVX2, and the C library's GLIBC_TUNABLES.</summary>
internal static class ProcessorSettings
{
    private const string EnvironmentFile = "/proc/self/environ";

    private const string Tunables = "GLIBC_TUNABLES=";

    private static readonly string[] s_prefixes = ["DOTNET_", "COMPlus_"];

    // How the names of the runtime's settings go on that say what of the processor it uses ; other names with Enable have to do with diagnostics.
    private static readonly string[] s_names =
    [
        "PreferredVector", "MaxVector", "EnableHW", "EnableSSE", "EnableSSSE", "EnableAVX", "EnableAES", "EnableAPX", "EnableBMI", "EnableFMA", "EnableGFNI", "EnableLZCNT", "EnableMOVBE", "EnablePCLMUL", "EnablePOPCNT",
        "EnableSHA", "EnableVAES", "EnableVPCLMUL", "EnableWAITPKG", "EnableX86", "EnableArm64",
    ];

    /// <summary>All of them, as NAME=VALUE, in one line.</summary>
    public static string Find()
    {
        // The file is read in a tenth of the time that the framework takes to make a table of the environment.
        try
        {
            if (OperatingSystem.IsLinux())
            {
                return Find(File.ReadAllBytes(EnvironmentFile));
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Not every sandbox has /proc.
        }

        var text = new StringBuilder();
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            _ = text.Append($"{entry.Key}={entry.Value}\0");
        }

        return Find(Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <param name="environment">NAME=VALUE, each ended by a zero.</param>
    internal static string Find(ReadOnlySpan<byte> environment)
    {
        string text = "";
        while (environment.Length > 0)
        {
            int end = 0;
            while (end < environment.Length && environment[end] != 0)
            {
                end++;
            }

            if (IsSetting(environment[..end]))
            {
                text = string.Concat(text, text.Length > 0 ? " " : "", Encoding.UTF8.GetString(environment[..end]).ReplaceLineEndings(" "));
            }

            environment = environment[Math.Min(end + 1, environment.Length)..];
        }

        return text;
    }

    private static bool IsSetting(ReadOnlySpan<byte> entry)
    {
        foreach (string prefix in s_prefixes)
        {
            if (StartsWith(entry, prefix))
            {
                foreach (string name in s_names)
                {
                    if (StartsWith(entry[prefix.Length..], name))
                    {
                        return true;
                    }
                }

                return false;
            }
        }

        return StartsWith(entry, Tunables);
    }

    // The runtime's names are the same in either case.
    private static bool StartsWith(ReadOnlySpan<byte> entry, string prefix)
    {
        if (entry.Length < prefix.Length)
        {
            return false;
        }

        for (int i = 0; i < prefix.Length; i++)
        {
            if ((entry[i] | 0x20) != (prefix[i] | 0x20))
            {
                return false;
            }
        }

        return true;
    }
}
