using Wherry.Binary;
using Wherry.Diagnostics.Dwarf;

namespace Wherry.Diagnostics;

/// <summary>What a module tells of its own code: names and source lines. Read when first asked for; safe for any thread.</summary>
internal sealed class DebugInformation
{
    private readonly Module _module;
    private readonly NameSection _names;
    private readonly Lazy<LineTable?> _lines;

    public DebugInformation(Module module)
    {
        _module = module;
        _names = NameSection.Find(module.Definition);
        _lines = new Lazy<LineTable?>(() => LineTable.TryCreate(module.Definition));
    }

    public string? ModuleName => _module.Name ?? ErrorText.Clean(_names.ModuleName);

    /// <summary>The function's name by the name section, else by its import or export, if any.</summary>
    public string? GetFunctionName(int index) => ErrorText.Clean(_names.GetFunctionName(index) ?? FindExternalName(index));

    public GuestStackFrame Describe(GuestLocation location)
    {
        SourceLocation? source = null;
        if (location.Offset >= 0)
        {
            _ = _lines.Value?.TryFind(location.Offset, out source);
        }

        return new GuestStackFrame(
            ModuleName,
            location.FunctionIndex,
            GetFunctionName(location.FunctionIndex),
            location.Offset >= 0 ? location.Offset : null,
            ErrorText.Clean(source?.File),
            source?.Line ?? 0);
    }

    private string? FindExternalName(int index)
    {
        ModuleDefinition definition = _module.Definition;
        if (index < definition.ImportedFunctionCount)
        {
            foreach (ImportDefinition import in definition.Imports)
            {
                if (import.Kind == ExternalKind.Function && import.Index == index)
                {
                    return $"{import.Module}.{import.Name}";
                }
            }
        }

        foreach (ExportDefinition export in definition.Exports)
        {
            if (export.Kind == ExternalKind.Function && export.Index == index)
            {
                return export.Name;
            }
        }

        return null;
    }
}
