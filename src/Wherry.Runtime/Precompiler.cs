using Wherry.Aot;

namespace Wherry;

/// <summary>Compiles modules ahead of time, by crossgen2, to files that hold native code.</summary>
public static class Precompiler
{
    /// <summary>Whether crossgen2 is there for the running runtime: beside the program, or in NuGet's folder of packages.</summary>
    public static bool IsAvailable => Crossgen.Find() is not null;

    /// <summary>Compiles a module. The file is for this build of the engine, this runtime, this processor and the module's engine's options.</summary>
    /// <param name="path">The file to write, usually NAME.cwasm. It carries the module too.</param>
    /// <returns>The functions that have no native code, by index: the JIT compiles them when they are first called.</returns>
    /// <exception cref="PrecompilationException">crossgen2 is missing or fails.</exception>
    /// <exception cref="IOException">The file can't be written.</exception>
    public static IReadOnlyList<int> Compile(Module module, string path)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(path);
        ReadOnlySpan<byte> bytes = module.Definition.Bytes.Span;
        (byte[] assembly, int[] left) = CompileCode(module);
        byte[] file = PrecompiledFile.Write(assembly, bytes, CodeIdentity.Of(module.Engine, bytes), UserKey.TryGet(creates: true));
        if (UnixFiles.IsSpecial(path))
        {
            // Exchanged, /dev/null would be a file from then on.
            File.WriteAllBytes(path, file);
        }
        else
        {
            AtomicFile.Write(new FileInfo(path) is { LinkTarget: not null } link ? link.ResolveLinkTarget(returnFinalTarget: true)!.FullName : path, file);
        }

        return left;
    }

    /// <summary>Compiles a module's code and loads it, for <see cref="EngineOptions.CreateCode"/>.</summary>
    internal static PrecompiledModule CompileAndLoad(Module module)
    {
        var identity = CodeIdentity.Of(module.Engine, module.Definition.Bytes.Span);
        LoadedCode? code = LoadedCode.Find(identity);
        if (code is null)
        {
            (byte[] assembly, _) = CompileCode(module);
            _ = PrecompiledFile.TryRead(PrecompiledFile.Write(assembly, [], identity, key: null), out PrecompiledFile? file);
            code = LoadedCode.Load(file!, path: null);
        }

        return new PrecompiledModule(module, module.Definition, module.Engine.CompilerOptions, code);
    }

    internal static (byte[] Assembly, int[] LeftFunctions) CompileCode(Module module, CancellationToken cancellationToken = default) =>
        NativeCompiler.Compile(
            module.Definition,
            module.Engine.CompilerOptions,
            Crossgen.Find() ?? throw new PrecompilationException(
                $"crossgen2, which compiles ahead of time, is missing: the package {Crossgen.Package} of version {Crossgen.Version} is not in {Crossgen.PackageFolder}."),
            cancellationToken);
}
