using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;

namespace Wherry.Binary;

/// <summary>Reads the primitive values of the binary format (specification, 5.2). It never reads past its end.</summary>
internal ref struct ByteReader
{
    private readonly ReadOnlySpan<byte> _module;
    private readonly ReadOnlySpan<byte> _bytes;
    private int _position;

    /// <param name="bytes">The whole module, so that positions are offsets in it.</param>
    /// <param name="position">Where reading starts.</param>
    /// <param name="end">Where it ends.</param>
    public ByteReader(ReadOnlySpan<byte> bytes, int position, int end)
    {
        _module = bytes;
        _bytes = bytes[..end];
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)position, (uint)end, nameof(position));
        _position = position;
    }

    private ByteReader(ByteReader other, int position)
    {
        _module = other._module;
        _bytes = other._bytes;
        _position = position;
    }

    public readonly int Position => _position;

    public readonly int End => _bytes.Length;

    public readonly int Remaining => _bytes.Length - _position;

    public readonly bool IsAtEnd => _position >= _bytes.Length;

    /// <summary>A reader of the same bytes at another place.</summary>
    public readonly ByteReader At(int position) => new(this, position);

    /// <summary>The next byte, which stays unread.</summary>
    public readonly byte PeekByte()
    {
        if ((uint)_position >= (uint)_bytes.Length)
        {
            ThrowUnexpectedEnd();
        }

        return _bytes[_position];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte ReadByte()
    {
        ReadOnlySpan<byte> bytes = _bytes;
        int position = _position;
        if ((uint)position >= (uint)bytes.Length)
        {
            ThrowUnexpectedEnd();
        }

        _position = position + 1;
        return bytes[position];
    }

    public ReadOnlySpan<byte> ReadBytes(int count)
    {
        if ((uint)count > (uint)Remaining)
        {
            ThrowUnexpectedEnd();
        }

        ReadOnlySpan<byte> bytes = _bytes.Slice(_position, count);
        _position += count;
        return bytes;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint ReadU32()
    {
        ReadOnlySpan<byte> bytes = _bytes;
        int position = _position;
        if ((uint)position < (uint)bytes.Length && bytes[position] < 0x80)
        {
            _position = position + 1;
            return bytes[position];
        }

        return (uint)ReadLeb128(32, isSigned: false);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong ReadU64()
    {
        ReadOnlySpan<byte> bytes = _bytes;
        int position = _position;
        if ((uint)position < (uint)bytes.Length && bytes[position] < 0x80)
        {
            _position = position + 1;
            return bytes[position];
        }

        return ReadLeb128(64, isSigned: false);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadS32()
    {
        ReadOnlySpan<byte> bytes = _bytes;
        int position = _position;
        if ((uint)position < (uint)bytes.Length && bytes[position] < 0x80)
        {
            _position = position + 1;
            return bytes[position] << 25 >> 25;
        }

        return (int)ReadLeb128(32, isSigned: true);
    }

    public long ReadS33() => (long)ReadLeb128(33, isSigned: true);

    public long ReadS64() => (long)ReadLeb128(64, isSigned: true);

    /// <summary>An index. One that is beyond int becomes int.MaxValue, which no index space reaches.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadIndex() => (int)Math.Min(ReadU32(), int.MaxValue);

    /// <summary>
    /// The length of a vector. One that is greater than the number of bytes left can't be, so no allocation follows from a count alone.
    /// </summary>
    public int ReadCount()
    {
        int start = _position;
        uint count = ReadU32();
        if (count > (uint)Remaining)
        {
            MalformedModuleException.Throw($"unexpected end of section or function: a count of {count:N0} with only {Remaining:N0} bytes left", start);
        }

        return (int)count;
    }

    /// <summary>The length of a range of bytes that follows.</summary>
    public int ReadLength(string what)
    {
        int start = _position;
        uint length = ReadU32();
        if (length > (uint)Remaining)
        {
            MalformedModuleException.Throw($"length out of bounds: {what} claims {length:N0} bytes, {Remaining:N0} are left", start);
        }

        return (int)length;
    }

    /// <summary>A name (specification, 5.2.4).</summary>
    public string ReadName(int maximumLength)
    {
        int start = _position;
        if (IsAtEnd)
        {
            ThrowMissingName();
        }

        uint length = ReadU32();
        if (length > (uint)Remaining)
        {
            MalformedModuleException.Throw($"length out of bounds: a name does not fit into the {Remaining:N0} bytes left", start);
        }

        if (length > (uint)maximumLength)
        {
            InvalidModuleException.Throw($"name too long: {length:N0} bytes; the limit is {maximumLength:N0}", start);
        }

        try
        {
            ReadOnlySpan<byte> name = ReadBytes((int)length);
            return AsciiText.TryDecode(name) ?? StrictUtf8.Encoding.GetString(name);
        }
        catch (DecoderFallbackException exception)
        {
            throw new MalformedModuleException("malformed UTF-8 encoding in a name", start + exception.Index);
        }
    }

    /// <summary>
    /// LEB128 (specification, 5.2.2): at most ⌈bits / 7⌉ bytes, and in the last of these the bits beyond the value must be zero, or for a
    /// signed integer equal its sign.
    /// </summary>
    private ulong ReadLeb128(int bits, bool isSigned)
    {
        int start = _position;
        if (!isSigned && start < _bytes.Length - 1 && _bytes[start] >= 0x80 && _bytes[start + 1] < 0x80)
        {
            // Two bytes fit into every width.
            _position = start + 2;
            return (uint)(_bytes[start] & 0x7F) | ((uint)_bytes[start + 1] << 7);
        }

        ulong result = 0;
        int shift = 0;
        while (true)
        {
            // A badly formed integer is called so even where the range ends within it.
            if ((uint)_position >= (uint)_module.Length)
            {
                ThrowUnexpectedEnd();
            }

            byte current = _module[_position++];
            result |= (ulong)(current & 0x7F) << shift;
            int left = bits - shift;
            shift += 7;
            if (left < 7)
            {
                // The last byte possible. No width is a multiple of seven, so it always has bits to spare.
                if (current >= 0x80)
                {
                    MalformedModuleException.Throw("integer representation too long", start);
                }

                // Signed: the sign bit of the value and all above it.
                int spare = isSigned ? (sbyte)(current << 1) >> left : current >> left;
                if (spare != 0 && !(isSigned && spare == -1))
                {
                    MalformedModuleException.Throw("integer too large", start);
                }

                break;
            }

            if (current < 0x80)
            {
                break;
            }
        }

        if (_position > _bytes.Length)
        {
            ThrowUnexpectedEnd();
        }

        return isSigned && shift < 64 ? (ulong)((long)(result << (64 - shift)) >> (64 - shift)) : result;
    }

    [DoesNotReturn]
    private readonly void ThrowMissingName()
    {
        // The suite's text is that of a reader that goes on beyond the section, and takes the next byte for the length of the name.
        if (_position < _module.Length && _module[_position] > _module.Length - _position - 1)
        {
            MalformedModuleException.Throw("length out of bounds: the section ends where a name should start", _position);
        }

        ThrowUnexpectedEnd();
    }

    [DoesNotReturn]
    private readonly void ThrowUnexpectedEnd() => MalformedModuleException.Throw("unexpected end of section or function", _bytes.Length);

    // Apart, so that it is made, and its assembly loaded, only for names that are not ASCII.
    private static class StrictUtf8
    {
        public static readonly UTF8Encoding Encoding = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    }
}
