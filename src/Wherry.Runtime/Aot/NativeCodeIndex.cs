using System.Buffers.Binary;

namespace Wherry.Aot;

/// <summary>
/// Tells which methods of an assembly have native code: crossgen2 leaves those that it can't compile to the JIT without a word. Reads the
/// sparse array of entry points in the ReadyToRun header (the runtime's docs/design/coreclr/botr/readytorun-format.md).
/// </summary>
internal sealed class NativeCodeIndex
{
    private const uint Signature = 0x00525452; // RTR
    private const int HeaderSize = 16;
    private const int SectionSize = 12;
    private const uint MethodEntryPoints = 103;
    private const uint BlockSize = 16;
    private const int SectionHeaderSize = 40;
    private const int CommandHeaderDirectory = 14;
    private const int NativeHeaderOffset = 64;

    private readonly byte[] _entryPoints;
    private readonly int _start;
    private readonly uint _count;
    private readonly int _indexSize;

    private NativeCodeIndex(byte[] entryPoints)
    {
        _entryPoints = entryPoints;
        int position = 0;
        uint header = Decode(ref position);
        _count = header >> 2;
        _indexSize = 1 << (int)(header & 3);
        _start = position;
    }

    /// <param name="image">The assembly's file (PE format, and ECMA-335, II.25).</param>
    /// <exception cref="BadImageFormatException">It is not an assembly with native code.</exception>
    public static NativeCodeIndex Read(ReadOnlySpan<byte> image)
    {
        try
        {
            ReadOnlySpan<byte> commonHeader = image[(BinaryPrimitives.ReadInt32LittleEndian(image[0x3C..]) + 4)..];
            ReadOnlySpan<byte> optionalHeader = commonHeader[20..];
            bool is64Bit = BinaryPrimitives.ReadUInt16LittleEndian(optionalHeader) == 0x20B;
            ReadOnlySpan<byte> directories = optionalHeader[(is64Bit ? 112 : 96)..];
            ReadOnlySpan<byte> sections = optionalHeader.Slice(
                BinaryPrimitives.ReadUInt16LittleEndian(commonHeader[16..]), SectionHeaderSize * BinaryPrimitives.ReadUInt16LittleEndian(commonHeader[2..]));
            ReadOnlySpan<byte> commandHeader = At(image, sections, directories[(CommandHeaderDirectory * 8)..]);
            return ReadHeader(image, sections, At(image, sections, commandHeader[NativeHeaderOffset..]));
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new BadImageFormatException("The assembly has no native code.");
        }
    }

    private static NativeCodeIndex ReadHeader(ReadOnlySpan<byte> image, ReadOnlySpan<byte> sectionHeaders, ReadOnlySpan<byte> header)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != Signature)
        {
            throw new BadImageFormatException("The assembly's native code is in an unknown format.");
        }

        int sections = BinaryPrimitives.ReadInt32LittleEndian(header[12..]);
        for (int i = 0; i < sections; i++)
        {
            ReadOnlySpan<byte> section = header.Slice(HeaderSize + (i * SectionSize), SectionSize);
            if (BinaryPrimitives.ReadUInt32LittleEndian(section) == MethodEntryPoints)
            {
                return new NativeCodeIndex(At(image, sectionHeaders, section[4..]).ToArray());
            }
        }

        return new NativeCodeIndex([0]);
    }

    // What a directory entry stands for: an address and a size.
    private static ReadOnlySpan<byte> At(ReadOnlySpan<byte> image, ReadOnlySpan<byte> sectionHeaders, ReadOnlySpan<byte> entry)
    {
        uint address = BinaryPrimitives.ReadUInt32LittleEndian(entry);
        int size = BinaryPrimitives.ReadInt32LittleEndian(entry[4..]);
        for (; address != 0 && !sectionHeaders.IsEmpty; sectionHeaders = sectionHeaders[SectionHeaderSize..])
        {
            uint offset = address - BinaryPrimitives.ReadUInt32LittleEndian(sectionHeaders[12..]);
            if (offset < BinaryPrimitives.ReadUInt32LittleEndian(sectionHeaders[16..]))
            {
                return image.Slice((int)(BinaryPrimitives.ReadUInt32LittleEndian(sectionHeaders[20..]) + offset), size);
            }
        }

        throw new BadImageFormatException("The assembly has no native code.");
    }

    /// <param name="token">The token of a method definition.</param>
    public bool HasNativeCode(int token)
    {
        uint index = (uint)(token & 0xFFFFFF) - 1;
        if (index >= _count)
        {
            return false;
        }

        int position = _start + ReadIndex((int)(index / BlockSize));
        for (uint bit = BlockSize >> 1; bit > 0; bit >>= 1)
        {
            int here = position;
            int next = position;
            uint value = Decode(ref next);
            if ((index & bit) != 0)
            {
                if ((value & 2) != 0)
                {
                    position = here + (int)(value >> 2);
                    continue;
                }
            }
            else if ((value & 1) != 0)
            {
                position = next;
                continue;
            }

            // A block with one entry has no tree.
            return (value & 3) == 0 && value >> 2 == (index & (BlockSize - 1));
        }

        return true;
    }

    private int ReadIndex(int block)
    {
        ReadOnlySpan<byte> place = _entryPoints.AsSpan(_start + (block * _indexSize));
        return _indexSize switch
        {
            1 => place[0],
            2 => BinaryPrimitives.ReadUInt16LittleEndian(place),
            _ => BinaryPrimitives.ReadInt32LittleEndian(place),
        };
    }

    // The lowest bits of the first byte tell how many bytes there are.
    private uint Decode(ref int position)
    {
        ReadOnlySpan<byte> bytes = _entryPoints.AsSpan(position);
        uint first = bytes[0];
        if ((first & 1) == 0)
        {
            position += 1;
            return first >> 1;
        }

        if ((first & 2) == 0)
        {
            position += 2;
            return (first >> 2) | ((uint)bytes[1] << 6);
        }

        if ((first & 4) == 0)
        {
            position += 3;
            return (first >> 3) | ((uint)bytes[1] << 5) | ((uint)bytes[2] << 13);
        }

        if ((first & 8) == 0)
        {
            position += 4;
            return (first >> 4) | ((uint)bytes[1] << 4) | ((uint)bytes[2] << 12) | ((uint)bytes[3] << 20);
        }

        position += 5;
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes[1..]);
    }
}
