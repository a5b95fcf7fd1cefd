namespace Wherry.Diagnostics.Dwarf;

/// <summary>Runs the line number program of one compilation unit (DWARF 5, 6.2.5; older headers: DWARF 4, 6.2.4).</summary>
internal ref struct LineProgram
{
    private const int MaximumFiles = 100_000;

    private readonly ReadOnlySpan<byte> _unit;
    private readonly bool _is64Bit;
    private readonly ReadOnlySpan<byte> _strings;
    private readonly ReadOnlySpan<byte> _lineStrings;
    private readonly List<string> _files;
    private readonly List<LineTable.Row> _rows;
    private readonly int _maximumRows;
    private readonly List<string> _directories = [];

    /// <summary>The unit's own file numbers start here in the shared list.</summary>
    private readonly int _firstFile;

    public LineProgram(
        ReadOnlySpan<byte> unit,
        bool is64Bit,
        ReadOnlySpan<byte> strings,
        ReadOnlySpan<byte> lineStrings,
        List<string> files,
        List<LineTable.Row> rows,
        int maximumRows)
    {
        _unit = unit;
        _is64Bit = is64Bit;
        _strings = strings;
        _lineStrings = lineStrings;
        _files = files;
        _rows = rows;
        _maximumRows = maximumRows;
        _firstFile = files.Count;
    }

    /// <summary>Adds the rows of the unit; a broken unit adds what was read of it.</summary>
    public void Run()
    {
        var reader = new DwarfReader(_unit);
        int version = reader.ReadUInt16();
        if (version is < 2 or > 5)
        {
            return;
        }

        if (version >= 5)
        {
            // Address size and segment selector size: Wasm has addresses of 4 bytes, the operand of DW_LNE_set_address tells its own length.
            reader.Take(2);
        }

        ulong headerLength = reader.ReadOffset(_is64Bit);
        ulong programStart = (ulong)reader.Position + headerLength;
        byte minimumInstructionLength = reader.ReadByte();
        if (version >= 4)
        {
            reader.Take(1);
        }

        reader.Take(1);
        var lineBase = (sbyte)reader.ReadByte();
        byte lineRange = reader.ReadByte();
        byte opcodeBase = reader.ReadByte();
        ReadOnlySpan<byte> operandCounts = reader.Take((ulong)Math.Max(0, opcodeBase - 1));
        if (version >= 5)
        {
            ReadEntries(ref reader, isDirectories: true);
            ReadEntries(ref reader, isDirectories: false);
        }
        else
        {
            ReadOldTables(ref reader);
        }

        if (reader.Failed || lineRange == 0 || programStart > (ulong)_unit.Length)
        {
            return;
        }

        reader.Position = (int)programStart;
        int fileBase = version >= 5 ? 0 : 1;
        var state = new State(fileBase);
        while (!reader.IsAtEnd && _rows.Count < _maximumRows)
        {
            byte opcode = reader.ReadByte();
            if (opcode >= opcodeBase)
            {
                int adjusted = opcode - opcodeBase;
                state.Address += adjusted / lineRange * minimumInstructionLength;
                state.Line += lineBase + (adjusted % lineRange);
                Emit(state, fileBase);
                continue;
            }

            switch (opcode)
            {
                case 0:
                    Extended(ref reader, ref state, fileBase);
                    break;
                case 1: // DW_LNS_copy
                    Emit(state, fileBase);
                    break;
                case 2: // DW_LNS_advance_pc
                    state.Address += (long)reader.ReadUnsigned() * minimumInstructionLength;
                    break;
                case 3: // DW_LNS_advance_line
                    state.Line += (int)reader.ReadSigned();
                    break;
                case 4: // DW_LNS_set_file
                    state.File = (int)Math.Min(reader.ReadUnsigned(), int.MaxValue);
                    break;
                case 5: // DW_LNS_set_column
                    state.Column = (int)Math.Min(reader.ReadUnsigned(), int.MaxValue);
                    break;
                case 8: // DW_LNS_const_add_pc
                    state.Address += (255 - opcodeBase) / lineRange * minimumInstructionLength;
                    break;
                case 9: // DW_LNS_fixed_advance_pc
                    state.Address += reader.ReadUInt16();
                    break;
                default:
                    for (int i = 0; i < operandCounts[opcode - 1]; i++)
                    {
                        reader.ReadUnsigned();
                    }

                    break;
            }
        }
    }

    private readonly void Extended(ref DwarfReader reader, ref State state, int fileBase)
    {
        ulong length = reader.ReadUnsigned();
        var operands = new DwarfReader(reader.Take(length));
        switch (operands.ReadByte())
        {
            case 1: // DW_LNE_end_sequence
                _rows.Add(new LineTable.Row(state.Address, 0, -1, 0));
                state = new State(fileBase);
                break;
            case 2: // DW_LNE_set_address
                state.Address = length >= 9 ? (long)operands.ReadUInt64() : operands.ReadUInt32();
                break;
        }
    }

    private readonly void Emit(State state, int fileBase)
    {
        int file = _firstFile + state.File - fileBase;
        if (file >= _firstFile && file < _files.Count && state.Line >= 0)
        {
            _rows.Add(new LineTable.Row(state.Address, file, state.Line, state.Column));
        }
    }

    private readonly void ReadOldTables(ref DwarfReader reader)
    {
        _directories.Add("");
        while (!reader.Failed && _directories.Count < MaximumFiles && reader.ReadText() is { Length: > 0 } directory)
        {
            _directories.Add(directory);
        }

        while (!reader.Failed && _files.Count - _firstFile < MaximumFiles && reader.ReadText() is { Length: > 0 } file)
        {
            ulong directory = reader.ReadUnsigned();
            reader.ReadUnsigned();
            reader.ReadUnsigned();
            _files.Add(Join(directory, file));
        }
    }

    /// <summary>A table of DWARF 5: a description of its columns, then its rows.</summary>
    private readonly void ReadEntries(ref DwarfReader reader, bool isDirectories)
    {
        const ulong Path = 1;
        const ulong DirectoryIndex = 2;
        int columns = reader.ReadByte();
        var formats = new (ulong Content, ulong Form)[columns];
        for (int i = 0; i < columns; i++)
        {
            formats[i] = (reader.ReadUnsigned(), reader.ReadUnsigned());
        }

        ulong count = reader.ReadUnsigned();
        for (ulong i = 0; i < count && i < MaximumFiles && !reader.Failed; i++)
        {
            string path = "";
            ulong directory = 0;
            foreach ((ulong content, ulong form) in formats)
            {
                (string text, ulong number) = ReadForm(ref reader, form);
                if (content == Path)
                {
                    path = text;
                }
                else if (content == DirectoryIndex)
                {
                    directory = number;
                }
            }

            if (isDirectories)
            {
                _directories.Add(path);
            }
            else
            {
                _files.Add(Join(directory, path));
            }

            if (columns == 0)
            {
                return;
            }
        }
    }

    private readonly (string Text, ulong Number) ReadForm(ref DwarfReader reader, ulong form)
    {
        switch (form)
        {
            case 0x08: // DW_FORM_string
                return (reader.ReadText(), 0);
            case 0x0e: // DW_FORM_strp
                return (TextAt(_strings, reader.ReadOffset(_is64Bit)), 0);
            case 0x1f: // DW_FORM_line_strp
                return (TextAt(_lineStrings, reader.ReadOffset(_is64Bit)), 0);
            case 0x0b: // DW_FORM_data1
                return ("", reader.ReadByte());
            case 0x05: // DW_FORM_data2
                return ("", reader.ReadUInt16());
            case 0x06: // DW_FORM_data4
                return ("", reader.ReadUInt32());
            case 0x07: // DW_FORM_data8
                return ("", reader.ReadUInt64());
            case 0x0f: // DW_FORM_udata
                return ("", reader.ReadUnsigned());
            case 0x1e: // DW_FORM_data16
                reader.Take(16);
                return ("", 0);
            case 0x09: // DW_FORM_block
                reader.Take(reader.ReadUnsigned());
                return ("", 0);
            default:
                // An unknown form has an unknown length: nothing after it can be read.
                reader.Take(ulong.MaxValue);
                return ("", 0);
        }
    }

    private static string TextAt(ReadOnlySpan<byte> strings, ulong offset)
    {
        if (offset >= (ulong)strings.Length)
        {
            return "";
        }

        return new DwarfReader(strings[(int)offset..]).ReadText();
    }

    private readonly string Join(ulong directory, string file)
    {
        // The first directory is the compilation's own: a file in it is named as it was given to the compiler.
        if (directory == 0 || directory >= (ulong)_directories.Count || file.StartsWith('/'))
        {
            return file;
        }

        return $"{_directories[(int)directory]}/{file}";
    }

    private struct State(int firstFile)
    {
        public long Address;
        public int File = Math.Max(firstFile, 1);
        public int Line = 1;
        public int Column;
    }
}
