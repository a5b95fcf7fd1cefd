namespace Wherry;

/// <summary>The type of an import or export (specification, 2.3.16).</summary>
public sealed class ExternalType
{
    private readonly object _type;

    internal ExternalType(ExternalKind kind, object type)
    {
        Kind = kind;
        _type = type;
    }

    /// <summary>Which of the properties below is set.</summary>
    public ExternalKind Kind { get; }

    /// <summary>The type, if it is a function.</summary>
    public FunctionType? Function => _type as FunctionType;

    /// <summary>The type, if it is a table.</summary>
    public TableType? Table => _type as TableType;

    /// <summary>The type, if it is a memory.</summary>
    public MemoryType? Memory => _type as MemoryType;

    /// <summary>The type, if it is a global.</summary>
    public GlobalType? Global => _type as GlobalType;

    /// <summary>The type, if it is an exception tag.</summary>
    public TagType? Tag => _type as TagType;

    /// <summary>For example <c>function (i32) -> (i32)</c> or <c>memory 1..</c>.</summary>
    public override string ToString() => Kind switch
    {
        ExternalKind.Function => $"function {Function}",
        ExternalKind.Table => $"table {Limits(Table!.Minimum, Table.Maximum)} {(Table.Is64Bit ? "i64 " : "")}{Table.ElementType}",
        ExternalKind.Memory => $"memory {Limits(Memory!.Minimum, Memory.Maximum)}{(Memory.Is64Bit ? " i64" : "")}{(Memory.IsShared ? " shared" : "")}"
            + (Memory.PageSizeLog2 == 16 ? "" : $" pages of {1 << Memory.PageSizeLog2} bytes"),
        ExternalKind.Global => $"global {(Global!.IsMutable ? "mutable " : "")}{Global.ValueType}",
        _ => $"tag {Tag!.FunctionType}",
    };

    private static string Limits(ulong minimum, ulong? maximum) => $"{minimum}..{maximum}";
}
