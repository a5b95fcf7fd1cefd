using System.Diagnostics;
using Wherry.Aot;
using Wherry.Cli.Options;

namespace Wherry.Cli.Precompilation;

/// <summary>
/// Has a module compiled for the cache by a process of its own, at low priority, once its guest has run for a while. A guest that ends sooner costs
/// nothing; one that ends later does not wait, and the process goes on until the entry is written.
/// </summary>
internal static class CacheFiller
{
    private const int Delay = 500;
    private const int StackBytes = 128 * 1024;

    public static void StartSoon(RunOptions options, string modulePath) =>
        new Thread(() => Run(options, modulePath), StackBytes) { IsBackground = true, Name = "Wherry cache" }.Start();

    private static void Run(RunOptions options, string modulePath)
    {
        Thread.Sleep(Delay);
        if (new CodeCache().FindProblem() is not null || Crossgen.Find() is null || Environment.ProcessPath is not { } program)
        {
            return;
        }

        // Pipes for its streams, or it would hold the guest's open.
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            start.ArgumentList.Add(typeof(CacheFiller).Assembly.Location);
        }

        start.ArgumentList.Add("compile");
        start.ArgumentList.Add(CompileCommand.IntoCache);
        start.ArgumentList.Add("--bounds-checks");
        start.ArgumentList.Add(options.BoundsChecks == BoundsChecks.Guard ? "guard" : "explicit");
        if (options.CountsInstructions)
        {
            start.ArgumentList.Add(CompileCommand.Fuel);
        }

        if (options.IsDeterministic)
        {
            start.ArgumentList.Add(CompileCommand.Deterministic);
        }

        start.ArgumentList.Add("--features");
        start.ArgumentList.Add(FeatureList.Format(options.Features));
        start.ArgumentList.Add(Path.GetFullPath(modulePath));
        try
        {
            Process.Start(start)?.Dispose();
        }
        catch (Exception exception) when (exception is System.ComponentModel.Win32Exception or IOException)
        {
            // The guest goes on with jitted code.
        }
    }
}
