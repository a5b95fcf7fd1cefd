using System.Diagnostics;

namespace Wherry.Fuzz.Differential;

/// <summary>Lets Wasmtime judge what was seen of a module: it runs the script of <see cref="AssertionScript"/>.</summary>
internal sealed class ScriptJudge(ExternalTool wasmtime)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // What Wasmtime says of modules that need what it lacks: legacy exceptions, and some things on their way.
    private static readonly string[] Lacking =
        ["legacy", "support is not enabled", "not supported", "unsupported", "not implemented", "not yet implemented", "not currently supported"];

    /// <param name="difference">What Wasmtime takes exception to.</param>
    /// <returns>How it went, for statistics.</returns>
    public string Judge(string script, out string? difference)
    {
        difference = null;
        string file = Path.Combine(Path.GetTempPath(), $"wherry-fuzz-{Environment.ProcessId}.wast");
        File.WriteAllText(file, script);
        try
        {
            using var process = Process.Start(wasmtime.CreateStart(
                "wast", "-W", "gc,function-references,exceptions,tail-call,threads,shared-memory,memory64,multi-memory,relaxed-simd,wide-arithmetic,custom-page-sizes", file))!;
            process.StandardInput.Close();
            process.OutputDataReceived += static (_, _) => { };
            process.BeginOutputReadLine();
            Task<string> errors = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(Patience))
            {
                process.Kill(entireProcessTree: true);
                return "Wasmtime does not end";
            }

            if (process.ExitCode == 0)
            {
                return "Wasmtime agrees";
            }

            string said = errors.Result;
            if (Array.Exists(Lacking, words => said.Contains(words, StringComparison.OrdinalIgnoreCase)))
            {
                return "Wasmtime lacks something";
            }

            // The rest is where in Wasmtime that was.
            int end = said.IndexOf("Stack backtrace", StringComparison.Ordinal);
            difference = $"Wasmtime: {said[..(end < 0 ? said.Length : end)].ReplaceLineEndings(" ").Trim()}";
            return "Wasmtime disagrees";
        }
        finally
        {
            File.Delete(file);
        }
    }
}
