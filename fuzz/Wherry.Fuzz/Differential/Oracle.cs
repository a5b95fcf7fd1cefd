using System.Diagnostics;
using System.Text.Json;

namespace Wherry.Fuzz.Differential;

/// <summary>A process of node that runs module after module in V8.</summary>
internal sealed class Oracle(ExternalTool node, bool isOptimizing) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private Process? process;

    /// <returns>The lines, or null if V8 did not end, or died: it is started anew for the next.</returns>
    public List<string>? Run(byte[] module, TestPlan plan)
    {
        process ??= Start();
        try
        {
            process.StandardInput.WriteLine(JsonSerializer.Serialize(plan with { Module = Convert.ToBase64String(module) }));
            process.StandardInput.Flush();
            Task<string?> answer = process.StandardOutput.ReadLineAsync();
            if (answer.Wait(Patience) && answer.Result is string line)
            {
                return JsonSerializer.Deserialize<List<string>>(line);
            }
        }
        catch (IOException)
        {
            // It died.
        }

        Dispose();
        return null;
    }

    public void Dispose()
    {
        if (process is not null)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            process.Dispose();
            process = null;
        }
    }

    private Process Start()
    {
        ProcessStartInfo start = node.CreateStart(
            isOptimizing ? "--no-liftoff" : "--liftoff-only",
            "--no-wasm-lazy-compilation",
            "--single-threaded",
            "--max-old-space-size=1000",
            Path.Combine(AppContext.BaseDirectory, "Differential", "oracle.js"));
        var started = Process.Start(start)!;
        started.ErrorDataReceived += static (_, _) => { };
        started.BeginErrorReadLine();
        return started;
    }
}
