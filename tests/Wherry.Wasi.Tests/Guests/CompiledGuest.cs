using System.Collections.Concurrent;
using System.Diagnostics;

namespace Wherry.Wasi.Tests.Guests;

/// <summary>C guests, compiled by clang when a test first asks for one, into a folder of this process's own.</summary>
internal static class CompiledGuest
{
    private const string Install = "apt-get install -y clang lld wasi-libc libclang-rt-14-dev-wasm32";

    private static readonly Lazy<string> Folder = new(() =>
    {
        var folder = Directory.CreateTempSubdirectory("wherry-guests-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    });

    private static readonly ConcurrentDictionary<string, Lazy<(byte[]? Module, string Error)>> Compiled = new();

    /// <summary>The module compiled from <c>Guests/NAME.c</c>. Skips the test if there is no compiler, or fails it where nothing may be skipped.</summary>
    public static Module Load(string name, params string[] options) => Load(Engine.Default, name, options);

    /// <summary>The same for an engine.</summary>
    public static Module Load(Engine engine, string name, params string[] options)
    {
        var (module, error) = Compiled.GetOrAdd(name, key => new Lazy<(byte[]?, string)>(() => Compile(key, options))).Value;
        if (module is null)
        {
            Assert.SkipUnless(Environment.GetEnvironmentVariable("WHERRY_CI") == "1", $"No C compiler for WASI: {Install}");
            Assert.Fail($"{error}\nIs it installed? {Install}");
        }

        return Module.Load(engine, module, $"{name}.wasm");
    }

    private static (byte[]? Module, string Error) Compile(string name, string[] options)
    {
        var source = Path.Combine(AppContext.BaseDirectory, "Guests", $"{name}.c");
        var output = Path.Combine(Folder.Value, $"{name}.wasm");
        var start = new ProcessStartInfo("clang", ["--target=wasm32-wasi", "--sysroot=/usr", "-O2", "-g", "-Wall", .. options, "-o", output, source])
        {
            RedirectStandardError = true,
        };
        try
        {
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? (File.ReadAllBytes(output), "") : (null, error);
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            return (null, exception.Message);
        }
    }
}
