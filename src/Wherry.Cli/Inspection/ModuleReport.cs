using Wherry.Cli.Options;

namespace Wherry.Cli.Inspection;

/// <summary>All that <c>wherry inspect</c> tells of a module.</summary>
internal sealed class ModuleReport
{
    public ModuleReport(string path, byte[] bytes, Module module)
    {
        Path = path;
        Size = bytes.Length;
        Imports = module.Imports;
        Exports = module.Exports;
        Sections = SectionReader.Read(bytes);
        Features = [.. FeatureList.Names(module.Definition.FeaturesUsed)];
        Capabilities = Inspection.Capabilities.Find(module.Imports);
        Functions = module.Definition.Bodies.Length;
        Memories = [.. module.Definition.Memories];
        Tables = [.. module.Definition.Tables.Select(table => table.Type)];
        Globals = module.Definition.Globals.Length - module.Definition.ImportedGlobalCount;
        Kind = Exports.Any(export => export is { Name: "_start", Type.Kind: ExternalKind.Function }) ? "command"
            : Exports.Any(export => export is { Name: "_initialize", Type.Kind: ExternalKind.Function }) ? "reactor" : "library";
    }

    public string Path { get; }

    public int Size { get; }

    /// <summary>command (runs by itself), reactor (initialized, then called) or library.</summary>
    public string Kind { get; }

    public int Functions { get; }

    public int Globals { get; }

    public IReadOnlyList<MemoryType> Memories { get; }

    public IReadOnlyList<TableType> Tables { get; }

    public IReadOnlyList<ModuleImport> Imports { get; }

    public IReadOnlyList<ModuleExport> Exports { get; }

    public IReadOnlyList<Section> Sections { get; }

    public IReadOnlyList<string> Features { get; }

    public IReadOnlyList<Capability> Capabilities { get; }
}
