using Wherry.Binary;
using Wherry.Compilation;
using Wherry.Diagnostics;
using Wherry.Validation;

namespace Wherry;

/// <summary>A loaded and validated module. It holds no state of a running guest: any number of stores may instantiate it.</summary>
public sealed class Module
{
    private IReadOnlyList<ModuleImport>? _imports;
    private IReadOnlyList<ModuleExport>? _exports;
    private DebugInformation? _debugInformation;
    private Dictionary<string, ExportDefinition>? _exportsByName;

    private Module(Engine engine, ModuleDefinition definition, string? name)
    {
        Engine = engine;
        Definition = definition;
        Name = name;
        Code = engine.Options.CreateCode is { } createCode ? createCode(this) : new JittedModule(this, definition, engine.CompilerOptions);
    }

    /// <summary>The engine that loaded it.</summary>
    public Engine Engine { get; }

    /// <summary>Its name, as given to <see cref="Load"/> or its file's name.</summary>
    public string? Name { get; }

    /// <summary>What it needs.</summary>
    public IReadOnlyList<ModuleImport> Imports => _imports ??= DescribeImports(Definition);

    /// <summary>What it gives.</summary>
    public IReadOnlyList<ModuleExport> Exports => _exports ??= DescribeExports(Definition);

    internal ModuleDefinition Definition { get; }

    /// <summary>Its functions, compiled when they are first called.</summary>
    internal CompiledModule Code { get; set; }

    internal Dictionary<string, ExportDefinition> ExportsByName =>
        _exportsByName ??= Definition.Exports.ToDictionary(export => export.Name, StringComparer.Ordinal);

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
        ModuleDefinition definition = ModuleDecoder.Decode(bytes, engine.Options.Features, engine.Options.ModuleLimits);
        ModuleValidator.Validate(definition, engine.Options.Features, engine.Options.ModuleLimits);
        return new Module(engine, definition, name);
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

    internal static ExternalType DescribeExternal(ModuleDefinition definition, ExternalKind kind, int index) => new(kind, kind switch
    {
        ExternalKind.Function => definition.Functions[index].Function!,
        ExternalKind.Table => definition.Tables[index].Type,
        ExternalKind.Memory => definition.Memories[index],
        ExternalKind.Global => definition.Globals[index].Type,
        _ => new TagType(definition.Tags[index].Function!),
    });

    private static ModuleImport[] DescribeImports(ModuleDefinition definition) =>
        [.. definition.Imports.Select(import => new ModuleImport(import.Module, import.Name, DescribeExternal(definition, import.Kind, import.Index)))];

    private static ModuleExport[] DescribeExports(ModuleDefinition definition) =>
        [.. definition.Exports.Select(export => new ModuleExport(export.Name, DescribeExternal(definition, export.Kind, export.Index)))];
}
