using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Wherry.Aot;

/// <summary>The compiler that makes assemblies native: crossgen2, which the .NET SDK takes from a package of its own.</summary>
internal static class Crossgen
{
    private const string Program = "crossgen2";

    /// <summary>The package, by the system and processor that it runs on.</summary>
    public static string Package => $"microsoft.netcore.app.crossgen2.{System}-{Processor}";

    /// <summary>The version of the package to restore: the running runtime's own.</summary>
    public static string Version => Environment.Version.ToString();

    private static string System => OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";

    private static string Processor => RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

    /// <summary>The folder that NuGet puts packages into.</summary>
    public static string PackageFolder => Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } folder
        ? folder
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), ".nuget", "packages");

    /// <summary>The program: beside the tool, else in NuGet's folder, where the version nearest to the runtime's is taken; null if there is none.</summary>
    public static string? Find()
    {
        string name = OperatingSystem.IsWindows() ? Program + ".exe" : Program;
        string beside = Path.Combine(AppContext.BaseDirectory, Program, name);
        if (File.Exists(beside))
        {
            return beside;
        }

        string package = Path.Combine(PackageFolder, Package);
        if (!Directory.Exists(package))
        {
            return null;
        }

        Version runtime = Environment.Version;
        return Directory.GetDirectories(package)
            .Select(folder => (Folder: folder, Version: global::System.Version.TryParse(Path.GetFileName(folder), out Version? version) ? version : null))
            .Where(found => found.Version is { } version && version.Major == runtime.Major && version.Minor == runtime.Minor)
            .OrderBy(found => Math.Abs(found.Version!.Build - runtime.Build))
            .Select(found => Path.Combine(found.Folder, "tools", name))
            .FirstOrDefault(File.Exists);
    }

    /// <summary>Makes an assembly of compiled guests native.</summary>
    /// <exception cref="PrecompilationException">It can't be done.</exception>
    public static void Compile(string program, string input, string output, CancellationToken cancellationToken)
    {
        string engine = typeof(Crossgen).Assembly.Location;
        string? framework = Path.GetDirectoryName(typeof(object).Assembly.Location);
        if (engine.Length == 0 || string.IsNullOrEmpty(framework))
        {
            throw new PrecompilationException("code can't be compiled ahead of time by a program that is a single file: crossgen2 needs the engine's and the runtime's assemblies as files.");
        }

        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // The engine is of one version bubble with the guest's code: its fields are at fixed places and its small methods are inlined. So the code is
        // good for this build of the engine only, which the file's identity says.
        foreach (string argument in (string[])
            [
                input, "--out", output, "--targetos", System, "--targetarch", Processor, "--instruction-set", "native", "--optimize-time",
                "--reference", Path.Combine(framework, "*.dll"), "--reference", engine, "--inputbubble", "--inputbubbleref", engine,
                "--parallelism", Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture),
            ])
        {
            start.ArgumentList.Add(argument);
        }

        // It is a short-lived program that allocates a lot: with its defaults it collects and gives memory back all the time (docs/RATIONALE.md, "What compiling ahead of time takes").
        foreach ((string name, string value) in ((string, string)[])
            [
                ("DOTNET_gcConcurrent", "0"), ("DOTNET_GCgen0size", "4000000"),
                ("MALLOC_TRIM_THRESHOLD_", "1073741824"), ("MALLOC_TOP_PAD_", "33554432"), ("MALLOC_MMAP_THRESHOLD_", "33554432"),
            ])
        {
            _ = start.Environment.TryAdd(name, value);
        }

        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (global::System.ComponentModel.Win32Exception exception)
        {
            throw new PrecompilationException($"crossgen2 ({program}) can't be started: {exception.Message}");
        }

        using (process)
        {
            using CancellationTokenRegistration registration = cancellationToken.Register(() => process.Kill());
            process.StandardInput.Close();
            Task<string> error = process.StandardError.ReadToEndAsync(CancellationToken.None);
            string text = process.StandardOutput.ReadToEnd() + error.GetAwaiter().GetResult();
            process.WaitForExit();
            cancellationToken.ThrowIfCancellationRequested();
            if (process.ExitCode != 0 || !File.Exists(output))
            {
                string reason = text.Split('\n').FirstOrDefault(line => line.Contains("rror", StringComparison.Ordinal)) ?? $"it ended with code {process.ExitCode}";
                throw new PrecompilationException($"crossgen2 ({program}) failed: {reason.Trim()}");
            }
        }
    }
}
