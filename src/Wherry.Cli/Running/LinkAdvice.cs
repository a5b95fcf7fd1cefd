using Wherry.Diagnostics;

namespace Wherry.Cli.Running;

/// <summary>Says what would provide an import that is missing.</summary>
internal static class LinkAdvice
{
    private const string Unknown = "unknown import: ";

    /// <summary>The linker's message in the command's words, and advice for the import that it names.</summary>
    public static string Explain(Module module, string message)
    {
        foreach (ModuleImport import in module.Imports)
        {
            // As the linker writes names, which may be anything.
            string name = $"\"{ErrorText.Clean(import.Module)}\" \"{ErrorText.Clean(import.Name)}\"";
            if (message.Contains(name, StringComparison.Ordinal))
            {
                return message.StartsWith(Unknown, StringComparison.Ordinal)
                    ? $"{module} needs {name}, a {import.Type}, which nothing provides. {For(import)}"
                    : $"{message} {For(import)}";
            }
        }

        return message.Replace("(ResourceLimits.MemoryBytes)", "(--memory-limit, --memory-page-limit)", StringComparison.Ordinal);
    }

    private static string For(ModuleImport import) => import.Module switch
    {
        "wasi_snapshot_preview1" or "wasi_unstable" => "It is no function of WASI preview 1 or of the socket extension with that type.",
        "wasix_32v1" or "wasix_64v1" => "WASIX is not supported; build for wasm32-wasip1.",
        "wbg" or "__wbindgen_placeholder__" => "The module was built for browsers by wasm-bindgen; build for wasm32-wasip1.",
        "gojs" or "go" => "The module was built for browsers; build with GOOS=wasip1 GOARCH=wasm.",
        "env" => "Give the module that exports it with --module env:FILE, or link it when the module is built (undefined symbols become imports from env).",
        _ when import.Module.StartsWith("wasi_ephemeral_nn", StringComparison.Ordinal) => "Machine learning (wasi-nn) is not supported yet.",
        _ when import.Module.StartsWith("wasi:", StringComparison.Ordinal) => "It is a WASI 0.2 interface; build for wasm32-wasip1.",
        var name => $"Give a module that exports it with --module {ErrorText.Clean(name)}:FILE.",
    };
}
