namespace Wherry.Bench;

/// <summary>Compiles modules ahead of time with WasmEdge, once.</summary>
internal static class WasmEdgeCompiler
{
    /// <summary>The compiled module's path as WasmEdge sees it, or null if it can't be compiled.</summary>
    public static string? Compile(Settings settings, string[] wasmEdge, string module)
    {
        string name = Path.GetFileNameWithoutExtension(module) + ".so";
        if (settings.Optional("wasmedge-aot") is { } folder)
        {
            return Path.Combine(folder, name);
        }

        string compiled = Path.Combine(settings.Cache, name);
        if (!File.Exists(compiled) || File.GetLastWriteTimeUtc(compiled) < File.GetLastWriteTimeUtc(module))
        {
            Console.Error.WriteLine($"wasmedge compile {module}");
            if (!MeasuredProcess.Run([.. wasmEdge, "compile", module, compiled], TimeSpan.FromMinutes(10)).Succeeded)
            {
                return null;
            }
        }

        return compiled;
    }
}
