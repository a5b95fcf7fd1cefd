using Wherry.Binary;
using Wherry.Validation;

namespace Wherry.Hosting;

/// <summary>Whether what is given for an import is of its type (specification, 3.4: matching of external types).</summary>
internal static class ImportMatcher
{
    public static bool Matches(object given, ModuleDefinition definition, ImportDefinition import) => (import.Kind, given) switch
    {
        (ExternalKind.Function, Function function) => import.IsExact
            ? ReferenceEquals(function.DefinedType, definition.Functions[import.Index])
            : function.DefinedType.IsSubtypeOf(definition.Functions[import.Index]),
        (ExternalKind.Function, HostDefinition host) => host.Fits(definition.Functions[import.Index].Function!),
        (ExternalKind.Table, Table table) => Matches(table, definition.Tables[import.Index].Type),
        (ExternalKind.Memory, Memory memory) => Matches(memory, definition.Memories[import.Index]),
        (ExternalKind.Global, Global global) => Matches(global.Type, definition.Globals[import.Index].Type),
        (ExternalKind.Tag, Tag tag) => ReferenceEquals(tag.DefinedType, definition.Tags[import.Index]),
        _ => false,
    };

    public static ExternalType Describe(object given) => given switch
    {
        Function function => new ExternalType(ExternalKind.Function, function.Type),
        HostDefinition host => new ExternalType(ExternalKind.Function, host.GetDefaultType()),
        Table table => new ExternalType(ExternalKind.Table, table.Type with { Minimum = (ulong)table.Size }),
        Memory memory => new ExternalType(ExternalKind.Memory, memory.Type with { Minimum = memory.PageCount }),
        Global global => new ExternalType(ExternalKind.Global, global.Type),
        _ => new ExternalType(ExternalKind.Tag, ((Tag)given).Type),
    };

    private static bool Matches(Table table, TableType wanted) =>
        table.Type.ElementType == wanted.ElementType && table.Type.Is64Bit == wanted.Is64Bit && table.Type.IsShared == wanted.IsShared
        && Matches((ulong)table.Size, table.Type.Maximum, wanted.Minimum, wanted.Maximum);

    private static bool Matches(Memory memory, MemoryType wanted) =>
        memory.Type.Is64Bit == wanted.Is64Bit && memory.Type.IsShared == wanted.IsShared && memory.Type.PageSizeLog2 == wanted.PageSizeLog2
        && Matches(memory.PageCount, memory.Type.Maximum, wanted.Minimum, wanted.Maximum);

    // A global that can be set must be of exactly the type; of one that can't, a subtype will do.
    private static bool Matches(GlobalType given, GlobalType wanted) =>
        given.IsMutable == wanted.IsMutable
        && (given.IsMutable ? given.ValueType == wanted.ValueType : TypeValidation.Matches(given.ValueType, wanted.ValueType));

    private static bool Matches(ulong size, ulong? maximum, ulong wantedMinimum, ulong? wantedMaximum) =>
        size >= wantedMinimum && (wantedMaximum is null || (maximum is not null && maximum <= wantedMaximum));
}
