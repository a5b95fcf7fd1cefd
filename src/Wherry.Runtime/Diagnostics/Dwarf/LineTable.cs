using System.Diagnostics.CodeAnalysis;
using Wherry.Binary;

namespace Wherry.Diagnostics.Dwarf;

/// <summary>A place in a guest's source.</summary>
internal readonly record struct SourceLocation(string File, int Line, int Column);

/// <summary>
/// Finds the source line of an instruction from the sections .debug_line, .debug_str and .debug_line_str, which compilers write with -g (DWARF 2 to 5, 6.2).
/// In Wasm, addresses count from the start of the code section's contents.
/// </summary>
internal sealed class LineTable
{
    /// <summary>More rows than any honest module has; a hostile line program could make them without end.</summary>
    private const int MaximumRows = 20_000_000;

    private readonly int _codeStart;
    private readonly List<string> _files;
    private readonly Row[] _rows;

    private LineTable(int codeStart, List<string> files, Row[] rows)
    {
        _codeStart = codeStart;
        _files = files;
        _rows = rows;
    }

    /// <summary>The table of a module, or null if it was built without debug information.</summary>
    public static LineTable? TryCreate(ModuleDefinition module)
    {
        ReadOnlySpan<byte> lines = Section(module, ".debug_line");
        int codeStart = FindCodeSection(module.Bytes.Span);
        if (lines.IsEmpty || codeStart < 0)
        {
            return null;
        }

        var files = new List<string>();
        var rows = new List<Row>();
        var reader = new DwarfReader(lines);
        while (!reader.IsAtEnd && rows.Count < MaximumRows)
        {
            ulong length = reader.ReadUInt32();
            bool is64Bit = length == 0xFFFF_FFFF;
            length = is64Bit ? reader.ReadUInt64() : length;
            ReadOnlySpan<byte> unit = reader.Take(length);
            if (reader.Failed)
            {
                break;
            }

            new LineProgram(unit, is64Bit, Section(module, ".debug_str"), Section(module, ".debug_line_str"), files, rows, MaximumRows).Run();
        }

        // The end of a sequence sorts before a row that starts at the same address.
        Row[] sorted = [.. rows];
        Array.Sort(sorted, static (left, right) => left.Address != right.Address ? left.Address.CompareTo(right.Address) : left.Line.CompareTo(right.Line));
        return sorted.Length == 0 ? null : new LineTable(codeStart, files, sorted);
    }

    /// <summary>The source of the instruction at an offset in the module.</summary>
    public bool TryFind(int offset, [NotNullWhen(true)] out SourceLocation? location)
    {
        location = null;
        long address = offset - _codeStart;
        int low = 0;
        int high = _rows.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            if (_rows[middle].Address <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        if (high < 0 || _rows[high].IsEnd || _rows[high].Line == 0)
        {
            return false;
        }

        location = new SourceLocation(_files[_rows[high].File], _rows[high].Line, _rows[high].Column);
        return true;
    }

    private static ReadOnlySpan<byte> Section(ModuleDefinition module, string name)
    {
        foreach (CustomSection section in module.CustomSections)
        {
            if (section.Name == name)
            {
                return module.Bytes.Span.Slice(section.Offset, section.Length);
            }
        }

        return default;
    }

    /// <summary>Where the contents of the code section start, or -1. The module has been decoded: its sections are whole.</summary>
    private static int FindCodeSection(ReadOnlySpan<byte> bytes)
    {
        const int HeaderLength = 8;
        const byte CodeSection = 10;
        var reader = new DwarfReader(bytes) { Position = HeaderLength };
        while (!reader.IsAtEnd)
        {
            byte id = reader.ReadByte();
            ulong size = reader.ReadUnsigned();
            if (id == CodeSection)
            {
                return reader.Position;
            }

            reader.Take(size);
        }

        return -1;
    }

    /// <summary>From this address on, code belongs to this line, until the next row.</summary>
    internal readonly record struct Row(long Address, int File, int Line, int Column)
    {
        /// <summary>Marks the end of a sequence; sorts before all others at its address.</summary>
        public bool IsEnd => Line < 0;
    }
}
