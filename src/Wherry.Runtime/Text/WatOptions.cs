namespace Wherry.Text;

/// <summary>How a text is read.</summary>
internal sealed record WatOptions
{
    public static WatOptions Default { get; } = new();

    /// <summary>Without 64-bit memories and tables, their sizes are 32-bit numbers in the grammar too.</summary>
    public WasmFeatures Features { get; init; } = (WasmFeatures)(-1);

    /// <summary>Whether names become a name section. Names by annotation always do.</summary>
    public bool EmitNames { get; init; }
}
