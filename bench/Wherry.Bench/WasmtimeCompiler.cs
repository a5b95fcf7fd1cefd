namespace Wherry.Bench;

/// <summary>Compiles modules ahead of time with Wasmtime, once.</summary>
internal static class WasmtimeCompiler
{
    /// <summary>The compiled module's path as Wasmtime sees it, or null if it can't be compiled.</summary>
    public static string? Compile(Settings settings, string[] wasmtime, string module)
    {
        string name = Path.GetFileNameWithoutExtension(module) + ".wasmtime";
        if (settings.Optional("wasmtime-aot") is { } folder)
        {
            return Path.Combine(folder, name);
        }

        string compiled = Path.Combine(settings.Cache, name);
        bool isCurrent = File.Exists(compiled) && File.GetLastWriteTimeUtc(compiled) >= File.GetLastWriteTimeUtc(module);
        return isCurrent || MeasuredProcess.Run([.. wasmtime, "compile", "-o", compiled, module], TimeSpan.FromMinutes(10)).Succeeded ? compiled : null;
    }
}
