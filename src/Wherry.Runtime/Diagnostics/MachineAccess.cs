namespace Wherry.Diagnostics;

/// <summary>What an x64 instruction does to memory, as far as it helps to tell a guest's accesses apart.</summary>
/// <param name="IsStore">Whether it only writes.</param>
/// <param name="Displacement">The constant in its address.</param>
/// <param name="Size">The bytes accessed, or 0 if that was not found out.</param>
internal readonly record struct MachineAccess(bool IsStore, long Displacement, int Size)
{
    /// <summary>Reads an instruction that has just accessed memory. Those that compiled code doesn't have may be misread: it is a hint.</summary>
    /// <param name="code">Where it starts: no byte behind its displacement is read.</param>
    public static unsafe MachineAccess Read(byte* code)
    {
        var instruction = new Prefixes();
        byte opcode = instruction.Read(ref code);
        byte modes = *code++;
        int mode = modes >> 6;
        if (mode != 3 && (modes & 7) == 4)
        {
            // The byte with index and scale. Without a base there are four bytes of displacement.
            byte scaled = *code++;
            mode = mode == 0 && (scaled & 7) == 5 ? 2 : mode;
        }

        // Sound: these bytes belong to an instruction that the processor has executed.
        long displacement = mode switch
        {
            1 => (sbyte)*code * (long)(instruction.IsEvex ? Math.Max(1, instruction.GetSize(opcode)) : 1),
            2 => *(int*)code,
            _ => 0,
        };
        return new MachineAccess(instruction.IsStore(opcode), displacement, instruction.GetSize(opcode));
    }

    /// <summary>What stands before an opcode, in any of the encodings.</summary>
    private struct Prefixes
    {
        // 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A.
        private int _map;

        // None, 66, F3, F2.
        private int _prefix;
        private bool _isWide;
        private bool _isVector;

        public bool IsEvex { get; private set; }

        public unsafe byte Read(ref byte* code)
        {
            while (true)
            {
                byte value = *code++;
                switch (value)
                {
                    case 0x66:
                        _prefix = 1;
                        break;
                    case 0xF3:
                        _prefix = 2;
                        break;
                    case 0xF2:
                        _prefix = 3;
                        break;
                    case >= 0x40 and < 0x50:
                        _isWide = (value & 8) != 0;
                        break;
                    case 0x2E or 0x36 or 0x3E or 0x26 or 0x64 or 0x65 or 0xF0:
                        break;
                    case 0xC5:
                        _isVector = true;
                        _map = 1;
                        _prefix = *code++ & 3;
                        return *code++;
                    case 0xC4:
                        _isVector = true;
                        _map = *code++ & 31;
                        ReadWidth(*code++);
                        return *code++;
                    case 0x62:
                        _isVector = true;
                        IsEvex = true;
                        _map = *code++ & 7;
                        ReadWidth(*code++);
                        code++;
                        return *code++;
                    case 0x0F:
                        value = *code++;
                        _map = value switch { 0x38 => 2, 0x3A => 3, _ => 1 };
                        return _map == 1 ? value : *code++;
                    default:
                        return value;
                }
            }
        }

        public readonly bool IsStore(byte opcode) => _map switch
        {
            0 => opcode is 0x88 or 0x89 or 0xC6 or 0xC7,
            1 => opcode is 0x11 or 0x13 or 0x17 or 0x29 or 0x2B or 0x7F or 0xD6 or 0xE7 || (opcode == 0x7E && _prefix == 1),
            2 => opcode is 0xF0 or 0xF1,
            _ => opcode is >= 0x14 and <= 0x17 or 0x39,
        };

        public readonly int GetSize(byte opcode)
        {
            int integer = _isWide ? 8 : _prefix == 1 ? 2 : 4;
            return (_map, opcode) switch
            {
                (0, 0x88 or 0x8A or 0xC6 or 0x80 or 0x38 or 0x3A or 0x84 or 0xF6) => 1,
                (0, 0x63) => 4,
                (0, _) => integer,
                (1, 0xB6 or 0xBE) => 1,
                (1, 0xB7 or 0xBF) => 2,
                (1, 0x6E) => _isWide ? 8 : 4,
                (1, 0x7E) when _prefix == 1 => _isWide ? 8 : 4,
                (1, 0x7E or 0xD6) => 8,
                (1, 0x10 or 0x11 or (>= 0x51 and <= 0x5F) or 0x2A or 0x2C or 0x2D) => _prefix switch { 2 => 4, 3 => 8, _ => 16 },
                (1, 0x2E or 0x2F) => _prefix == 1 ? 8 : 4,
                (1, 0x28 or 0x29 or 0x6F or 0x7F) => 16,
                (1, (>= 0x40 and < 0x50) or 0xAF) when !_isVector => integer,
                _ => 0,
            };
        }

        private void ReadWidth(byte value)
        {
            _isWide = (value & 0x80) != 0;
            _prefix = value & 3;
        }
    }
}
