using System.Buffers.Binary;
using System.Text;

namespace Wherry.Text;

/// <summary>A growing buffer with the encodings of the binary format (specification, 5.2).</summary>
internal sealed class ByteWriter
{
    private byte[] buffer = new byte[64];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => buffer.AsSpan(0, Length);

    public void Byte(byte value)
    {
        if (Length == buffer.Length)
        {
            Array.Resize(ref buffer, Length * 2);
        }

        buffer[Length++] = value;
    }

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        if (buffer.Length - Length < bytes.Length)
        {
            Array.Resize(ref buffer, Math.Max(buffer.Length * 2, Length + bytes.Length));
        }

        bytes.CopyTo(buffer.AsSpan(Length));
        Length += bytes.Length;
    }

    public void Unsigned(ulong value)
    {
        while (value >= 0x80)
        {
            Byte((byte)(value | 0x80));
            value >>= 7;
        }

        Byte((byte)value);
    }

    public void Unsigned(int value) => Unsigned((uint)value);

    public void Signed(long value)
    {
        while (value is < -64 or > 63)
        {
            Byte((byte)((value & 0x7F) | 0x80));
            value >>= 7;
        }

        Byte((byte)(value & 0x7F));
    }

    public void Fixed32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        Bytes(bytes);
    }

    public void Fixed64(ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Bytes(bytes);
    }

    /// <summary>A vector of bytes: their number, then they themselves.</summary>
    public void Vector(ReadOnlySpan<byte> bytes)
    {
        Unsigned(bytes.Length);
        Bytes(bytes);
    }

    public void Name(string name) => Vector(Encoding.UTF8.GetBytes(name));

    /// <summary>A section, unless its content is empty.</summary>
    public void Section(byte id, ReadOnlySpan<byte> content)
    {
        if (content.Length > 0)
        {
            Byte(id);
            Vector(content);
        }
    }

    /// <summary>Forgets everything from <paramref name="length"/> on.</summary>
    public void Truncate(int length) => Length = length;

    public void Clear() => Length = 0;
}
