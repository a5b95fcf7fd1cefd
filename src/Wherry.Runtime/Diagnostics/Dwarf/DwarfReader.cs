using System.Buffers.Binary;
using System.Text;

namespace Wherry.Diagnostics.Dwarf;

/// <summary>
/// Reads DWARF data that a guest brought along. Nothing in it is trusted: reading past the end sets <see cref="Failed"/> and gives zeros,
/// so that callers check once, at the end of a step.
/// </summary>
internal ref struct DwarfReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Position { get; set; }

    public bool Failed { get; private set; }

    public readonly bool IsAtEnd => Failed || Position >= _bytes.Length;

    public byte ReadByte() => Take(1) is [var value] ? value : (byte)0;

    public ushort ReadUInt16() => Take(2) is { Length: 2 } span ? BinaryPrimitives.ReadUInt16LittleEndian(span) : (ushort)0;

    public uint ReadUInt32() => Take(4) is { Length: 4 } span ? BinaryPrimitives.ReadUInt32LittleEndian(span) : 0;

    public ulong ReadUInt64() => Take(8) is { Length: 8 } span ? BinaryPrimitives.ReadUInt64LittleEndian(span) : 0;

    /// <summary>An offset of 4 bytes, or of 8 in 64-bit DWARF.</summary>
    public ulong ReadOffset(bool is64Bit) => is64Bit ? ReadUInt64() : ReadUInt32();

    public ulong ReadUnsigned()
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = ReadByte();
            if (shift < 64)
            {
                value |= (ulong)(next & 0x7F) << shift;
            }

            if ((next & 0x80) == 0)
            {
                return value;
            }
        }
    }

    public long ReadSigned()
    {
        long value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = ReadByte();
            if (shift < 64)
            {
                value |= (long)(next & 0x7F) << shift;
            }

            if ((next & 0x80) == 0)
            {
                shift += 7;
                return shift < 64 && (next & 0x40) != 0 ? value | (-1L << shift) : value;
            }
        }
    }

    /// <summary>A text that ends with a zero byte.</summary>
    public string ReadText()
    {
        ReadOnlySpan<byte> rest = Position <= _bytes.Length ? _bytes[Position..] : default;
        int length = rest.IndexOf((byte)0);
        if (length < 0)
        {
            Failed = true;
            return "";
        }

        Position += length + 1;
        return Encoding.UTF8.GetString(rest[..length]);
    }

    public ReadOnlySpan<byte> Take(ulong count)
    {
        if (Failed || count > (ulong)(_bytes.Length - Position))
        {
            Failed = true;
            return default;
        }

        ReadOnlySpan<byte> span = _bytes.Slice(Position, (int)count);
        Position += (int)count;
        return span;
    }
}
