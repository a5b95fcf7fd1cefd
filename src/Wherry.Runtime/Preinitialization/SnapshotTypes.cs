using Wherry.Binary;
using Wherry.Text;

namespace Wherry.Preinitialization;

/// <summary>Writes types, limits and values of a module's own in the binary format (specification, 5.3).</summary>
/// <param name="definition">The module, whose types are named by their index.</param>
internal sealed class SnapshotTypes(ModuleDefinition definition)
{
    public void Write(ByteWriter writer, WasmValueType type)
    {
        if (!type.IsReference)
        {
            writer.Byte((byte)(0x7F - (int)type.Kind));
            return;
        }

        if (!type.IsNullable || type.HeapType.Kind == HeapTypeKind.Defined)
        {
            writer.Byte(type.IsNullable ? (byte)0x63 : (byte)0x64);
        }

        Write(writer, type.HeapType);
    }

    public void Write(ByteWriter writer, HeapType type)
    {
        if (type.IsExact)
        {
            writer.Byte(0x62);
        }

        if (type.Kind == HeapTypeKind.Defined)
        {
            writer.Signed(Array.IndexOf(definition.Types, type.Defined));
            return;
        }

        writer.Byte(type.Kind switch
        {
            HeapTypeKind.Func => 0x70,
            HeapTypeKind.Extern => 0x6F,
            HeapTypeKind.Any => 0x6E,
            HeapTypeKind.Eq => 0x6D,
            HeapTypeKind.I31 => 0x6C,
            HeapTypeKind.Struct => 0x6B,
            HeapTypeKind.Array => 0x6A,
            HeapTypeKind.Exn => 0x69,
            HeapTypeKind.None => 0x71,
            HeapTypeKind.NoExtern => 0x72,
            HeapTypeKind.NoFunc => 0x73,
            _ => 0x74,
        });
    }

    public static void WriteLimits(ByteWriter writer, ulong minimum, ulong? maximum, bool isShared, bool is64Bit, int pageSizeLog2 = 16)
    {
        bool hasPageSize = pageSizeLog2 != 16;
        writer.Byte((byte)((maximum is not null ? 1 : 0) | (isShared ? 2 : 0) | (is64Bit ? 4 : 0) | (hasPageSize ? 8 : 0)));
        writer.Unsigned(minimum);
        if (maximum is { } most)
        {
            writer.Unsigned(most);
        }

        if (hasPageSize)
        {
            writer.Unsigned(pageSizeLog2);
        }
    }

    /// <summary>An expression that is an address.</summary>
    public static void WriteOffset(ByteWriter writer, ulong offset, bool is64Bit)
    {
        writer.Byte(is64Bit ? (byte)0x42 : (byte)0x41);
        writer.Signed(is64Bit ? (long)offset : (int)(uint)offset);
        writer.Byte(0x0B);
    }
}
