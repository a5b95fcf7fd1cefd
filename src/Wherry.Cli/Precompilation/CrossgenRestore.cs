using System.Diagnostics;
using Wherry.Aot;
using Wherry.Cli.Output;

namespace Wherry.Cli.Precompilation;

/// <summary>Gets crossgen2's package by the .NET SDK, from wherever NuGet is configured to get packages.</summary>
internal static class CrossgenRestore
{
    /// <summary>Restores the package of the running runtime's version.</summary>
    /// <exception cref="CommandException">It can't be had.</exception>
    public static void Run(bool isVerbose)
    {
        string what = $"crossgen2, which makes native code, comes in the package {Crossgen.Package} {Crossgen.Version}. It is not in {Crossgen.PackageFolder}";
        Terminal.Note($"getting {Crossgen.Package} {Crossgen.Version} with `dotnet restore`; this happens once");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("wherry-");
        try
        {
            string project = Path.Combine(folder.FullName, "crossgen.csproj");
            File.WriteAllText(
                project,
                $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <TargetFramework>net{Environment.Version.Major}.{Environment.Version.Minor}</TargetFramework>
                    <DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences>
                  </PropertyGroup>
                  <ItemGroup>
                    <PackageDownload Include="{Crossgen.Package}" Version="[{Crossgen.Version}]" />
                  </ItemGroup>
                </Project>
                """);
            (int exitCode, string output) = Restore(project, folder.FullName, what);
            if (isVerbose)
            {
                Terminal.Note(output.Trim());
            }

            if (exitCode != 0 || Crossgen.Find() is null)
            {
                string reason = output.Split('\n').FirstOrDefault(line => line.Contains("error", StringComparison.OrdinalIgnoreCase))?.Trim() ?? $"it ended with code {exitCode}";
                throw Missing($"{what}, and `dotnet restore` could not get it: {reason}");
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static (int ExitCode, string Output) Restore(string project, string folder, string what)
    {
        var start = new ProcessStartInfo("dotnet", ["restore", project])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        try
        {
            using Process process = Process.Start(start)!;
            process.StandardInput.Close();
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd() + error.GetAwaiter().GetResult();
            process.WaitForExit();
            return (process.ExitCode, output);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw Missing($"{what}, and there is no .NET SDK (the command dotnet) to get it with");
        }
    }

    private static CommandException Missing(string reason) => new(
        ExitCodes.Failure, $"{reason}.\nOn a machine with access to packages run `wherry compile` once, and copy the package's folder into {Path.Combine(Crossgen.PackageFolder, Crossgen.Package)} here.");
}
