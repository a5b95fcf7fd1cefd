using Wherry.Aot;
using Wherry.Binary;
using Wherry.Compilation;
using Wherry.Compilation.Suspension;
using Wherry.Diagnostics;
using Wherry.Validation;

namespace Wherry;

/// <summary>A loaded and validated module. It holds no state of a running guest: any number of stores may instantiate it.</summary>
public sealed class Module
{
    private IReadOnlyList<ModuleImport>? _imports;
    private IReadOnlyList<ModuleExport>? _exports;
    private DebugInformation? _debugInformation;
    private Dictionary<string, object>? _exportsByName;

    private CompiledModule _code;

    private Module(Engine engine, ModuleDefinition definition, string? name, LoadedCode? code = null)
    {
        Engine = engine;
        Definition = definition;
        Name = name;
        Waits = engine.Options.MayWait is null ? null : new WaitingFunctions(definition.Functions.Length, engine.Options.WaitTrials);
        _code = code is not null ? new PrecompiledModule(this, definition, engine.CompilerOptions, code)
            : engine.Options.CreateCode is { } createCode ? createCode(this)
            : new JittedModule(this, definition, engine.CompilerOptions);
    }

    /// <summary>The engine that loaded it.</summary>
    public Engine Engine { get; }

    /// <summary>Its name, as given to <see cref="Load"/> or its file's name.</summary>
    public string? Name { get; }

    /// <summary>What it needs.</summary>
    public IReadOnlyList<ModuleImport> Imports => _imports ??= DescribeImports(Definition);

    /// <summary>What it gives.</summary>
    public IReadOnlyList<ModuleExport> Exports => _exports ??= DescribeExports(Definition);

    /// <summary>Whether its code was compiled ahead of time. Such code stays in memory as long as the process runs, and all that load the same module share it.</summary>
    public bool IsPrecompiled => Code is PrecompiledModule;

    internal ModuleDefinition Definition { get; }

    /// <summary>Its functions, for the next instance.</summary>
    internal CompiledModule Code => Volatile.Read(ref _code);

    /// <summary>Where its guests wait, if its engine compiles for that.</summary>
    internal WaitingFunctions? Waits { get; }

    internal Dictionary<string, object> ExportsByName => _exportsByName ??= NameExports(Definition);

    /// <summary>Names and source lines, for messages.</summary>
    internal DebugInformation DebugInformation => _debugInformation ??= new DebugInformation(this);

    /// <summary>Loads a module from its bytes.</summary>
    /// <param name="bytes">The module. They are copied.</param>
    /// <param name="name">A name for messages and call stacks.</param>
    /// <exception cref="MalformedModuleException">The bytes are not a module.</exception>
    /// <exception cref="InvalidModuleException">The module breaks a rule, goes beyond a limit, or needs a feature that is off.</exception>
    public static Module Load(Engine engine, ReadOnlyMemory<byte> bytes, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(engine);

        // A copy: what was validated must not change.
        return LoadOwned(engine, bytes.ToArray(), name);
    }

    /// <summary>Loads a module from bytes that nobody will change.</summary>
    internal static Module LoadOwned(Engine engine, byte[] bytes, string? name)
    {
        CodeCache? cache = bytes.Length >= CodeCache.MinimumModuleSize ? engine.Options.CodeCache : null;
        CodeIdentity? identity = cache is null ? null : CodeIdentity.Of(engine, bytes);
        LoadedCode? code = identity is null ? null : cache!.Find(identity);
        ModuleDefinition definition = Decode(engine, bytes, isValid: code is not null);
        var module = new Module(engine, definition, name, code);
        if (module.Waits is not null && engine.Options.CodeCache is { } waits)
        {
            module.Waits.UseCache(waits, identity ?? CodeIdentity.Of(engine, bytes));
        }

        if (cache is { FillsInBackground: true } && code is null)
        {
            BackgroundCompiler.Add(module, cache);
        }

        return module;
    }

    /// <summary>
    /// Loads a module from a file that <see cref="Precompiler"/> wrote. The file holds native code, which runs with all rights of this process and
    /// without a sandbox, and is believed: load only what you, or someone whom you trust as yourself, made and nobody could change since.
    /// </summary>
    /// <exception cref="PrecompilationException">The file is no such file, or for another engine, runtime, processor or other options.</exception>
    /// <exception cref="IOException">The file can't be read.</exception>
    /// <exception cref="ModuleException">Its module is not valid.</exception>
    public static Module UnsafeLoadPrecompiled(Engine engine, string path)
    {
        ArgumentNullException.ThrowIfNull(engine);
        return PrecompiledFile.TryRead(File.ReadAllBytes(path), out PrecompiledFile? file)
            ? LoadPrecompiled(engine, file, Path.GetFileName(path), isAuthentic: false)
            : throw new PrecompilationException($"{path} is not a file of precompiled code, or was damaged or cut off: compile the module again.");
    }

    /// <summary>Loads a module from what was read from a file.</summary>
    /// <param name="isAuthentic">Whether this user's Wherry made it, from a module that it found valid.</param>
    internal static Module LoadPrecompiled(Engine engine, PrecompiledFile file, string? name, bool isAuthentic)
    {
        // The MAC vouches for the module's hash too.
        CodeIdentity here = isAuthentic ? CodeIdentity.Of(engine, file.Identity.Module) : CodeIdentity.Of(engine, file.Module.Span);
        if (file.Identity.FindDifference(here) is { } difference)
        {
            throw new PrecompilationException($"{name ?? "the file"} can't be run as it is: {difference}.");
        }

        ModuleDefinition definition = Decode(engine, file.Module.ToArray(), isAuthentic);
        return new Module(engine, definition, name, LoadedCode.Load(file, path: null));
    }

    /// <summary>Loads a module from a file.</summary>
    /// <exception cref="IOException">The file can't be read.</exception>
    /// <exception cref="MalformedModuleException">The file is not a module.</exception>
    /// <exception cref="InvalidModuleException">The module breaks a rule, goes beyond a limit, or needs a feature that is off.</exception>
    public static Module LoadFile(Engine engine, string path)
    {
        ArgumentNullException.ThrowIfNull(engine);
        return LoadOwned(engine, File.ReadAllBytes(path), Path.GetFileName(path));
    }

    /// <inheritdoc/>
    public override string ToString() => Name ?? "module";

    /// <summary>Takes the code from a cache for the instances to come, if it is there.</summary>
    internal void UseCodeOf(CodeCache cache)
    {
        if (cache.Find(CodeIdentity.Of(Engine, Definition.Bytes.Span)) is { } code)
        {
            var precompiled = new PrecompiledModule(this, Definition, Engine.CompilerOptions, code);
            if (Waits is not null)
            {
                precompiled.Suspension?.AddKnown();
            }

            Volatile.Write(ref _code, precompiled);
        }
    }

    /// <param name="isValid">Whether the module was validated before, with the same options.</param>
    private static ModuleDefinition Decode(Engine engine, byte[] bytes, bool isValid)
    {
        ModuleDefinition definition = ModuleDecoder.Decode(bytes, engine.Options.Features, engine.Options.ModuleLimits);
        if (!isValid)
        {
            ModuleValidator.Validate(definition, engine.Options.Features, engine.Options.ModuleLimits);
        }

        return definition;
    }

    internal static ExternalType DescribeExternal(ModuleDefinition definition, ExternalKind kind, int index) => new(kind, kind switch
    {
        ExternalKind.Function => definition.Functions[index].Function!,
        ExternalKind.Table => definition.Tables[index].Type,
        ExternalKind.Memory => definition.Memories[index],
        ExternalKind.Global => definition.Globals[index].Type,
        _ => new TagType(definition.Tags[index].Function!),
    });

    private static Dictionary<string, object> NameExports(ModuleDefinition definition)
    {
        Dictionary<string, object> exports = [];
        foreach (ExportDefinition export in definition.Exports)
        {
            exports.Add(export.Name, export);
        }

        return exports;
    }

    private static ModuleImport[] DescribeImports(ModuleDefinition definition) =>
        [.. definition.Imports.Select(import => new ModuleImport(import.Module, import.Name, DescribeExternal(definition, import.Kind, import.Index)))];

    private static ModuleExport[] DescribeExports(ModuleDefinition definition) =>
        [.. definition.Exports.Select(export => new ModuleExport(export.Name, DescribeExternal(definition, export.Kind, export.Index)))];
}
