namespace Wherry.Instructions;

/// <summary>The one table of instructions, from which decoder, validator, text format and compiler draw.</summary>
internal static partial class InstructionTable
{
    internal const int Size = 0x600;

    private const int SingleByteSize = 0x100;

    // Most modules that are only loaded, not compiled, need no others.
    private static readonly Instruction?[] SingleByteRows = Build(SingleByteSize, SingleByteInstructions());

    /// <summary>Every instruction, in the order of <see cref="Opcode"/>.</summary>
    public static IEnumerable<Instruction> All => SingleByteRows.Concat(Prefixed.Rows).Where(row => row is not null)!;

    /// <summary>The row of a defined opcode.</summary>
    public static Instruction Get(Opcode opcode) => (int)opcode < SingleByteSize ? SingleByteRows[(int)opcode]! : Prefixed.Rows[(int)opcode]!;

    /// <summary>The row for an opcode of a single byte, or null if none is defined; null for a prefix.</summary>
    public static Instruction? Find(byte code) => SingleByteRows[code];

    /// <summary>The row for an opcode as it stands in the binary format, or null if none is defined.</summary>
    /// <param name="prefix">0, or 0xFB to 0xFE.</param>
    /// <param name="code">The opcode byte, or the number after the prefix.</param>
    public static Instruction? Find(byte prefix, uint code)
    {
        if (prefix == 0)
        {
            return code < SingleByteSize ? SingleByteRows[code] : null;
        }

        (int start, uint count) = prefix switch
        {
            0xFB => (0x100, 0x100u),
            0xFC => (0x200, 0x100u),
            0xFD => (0x300, 0x200u),
            0xFE => (0x500, 0x100u),
            _ => (0, 0u),
        };
        return code < count ? Prefixed.Rows[start + (int)code] : null;
    }

    /// <summary>The prefix byte (0 if none) and the number after it.</summary>
    public static (byte Prefix, uint Code) Encoding(Opcode opcode) => (int)opcode switch
    {
        < 0x100 => (0, (uint)opcode),
        < 0x200 => (0xFB, (uint)opcode - 0x100),
        < 0x300 => (0xFC, (uint)opcode - 0x200),
        < 0x500 => (0xFD, (uint)opcode - 0x300),
        _ => (0xFE, (uint)opcode - 0x500),
    };

    private static Instruction?[] Build(int size, params Instruction[][] parts)
    {
        var rows = new Instruction?[size];
        foreach (Instruction[] part in parts)
        {
            foreach (Instruction row in part)
            {
                rows[(int)row.Opcode] = row;
            }
        }

        return rows;
    }

    private static class Prefixed
    {
        public static readonly Instruction?[] Rows = Build(Size, GarbageCollectionInstructions(), BulkInstructions(), SimdInstructions(), AtomicInstructions());
    }
}
