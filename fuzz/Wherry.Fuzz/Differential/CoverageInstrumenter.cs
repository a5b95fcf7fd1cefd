using Wherry.Binary;
using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Fuzz.Differential;

/// <summary>
/// Makes a module note which instructions it executes: before each instruction it writes a byte of a memory of its own, at the instruction's number in the table.
/// An instruction that follows another of the same kind in straight-line code is not noted again.
/// </summary>
internal static class CoverageInstrumenter
{
    public const string MemoryName = "executed instructions";

    /// <returns>The module with the memory exported, or null if it has no place for it.</returns>
    public static byte[]? Instrument(ModuleDefinition module)
    {
        ReadOnlySpan<byte> bytes = module.Bytes.Span;
        int memory = module.Memories.Length;
        var output = new ByteWriter();
        output.Bytes(bytes[..8]);
        bool hasMemories = false;
        bool hasExports = false;
        int position = 8;
        while (position < bytes.Length)
        {
            int start = position;
            byte id = bytes[position];
            var reader = new ByteReader(bytes, position + 1, bytes.Length);
            int length = (int)reader.ReadU32();
            int body = reader.Position;
            position = body + length;
            int order = Order(id);
            if (!hasMemories && order > Order(5))
            {
                output.Section(5, [1, 0, 1]);
                hasMemories = true;
            }

            if (!hasExports && order > Order(7))
            {
                WriteExports(output, [], 0, memory);
                hasExports = true;
            }

            switch (id)
            {
                case 5:
                    var memories = new ByteReader(bytes, body, position);
                    int count = (int)memories.ReadU32();
                    var content = new ByteWriter();
                    content.Unsigned(count + 1);
                    content.Bytes(bytes[memories.Position..position]);
                    content.Bytes([0, 1]);
                    output.Section(5, content.Written);
                    hasMemories = true;
                    break;
                case 7:
                    var exports = new ByteReader(bytes, body, position);
                    int exported = (int)exports.ReadU32();
                    WriteExports(output, bytes[exports.Position..position], exported, memory);
                    hasExports = true;
                    break;
                case 10:
                    WriteCode(output, module, memory);
                    break;
                case 0:
                    // Offsets in custom sections would be wrong.
                    break;
                default:
                    output.Bytes(bytes[start..position]);
                    break;
            }
        }

        return hasMemories && hasExports ? output.Written.ToArray() : null;
    }

    // The order of sections in a module; custom ones stand anywhere.
    private static int Order(byte id) => id switch
    {
        0 => 0,
        <= 5 => id * 10,
        13 => 55,
        12 => 95,
        _ => id * 10,
    };

    private static void WriteExports(ByteWriter output, ReadOnlySpan<byte> former, int count, int memory)
    {
        var content = new ByteWriter();
        content.Unsigned(count + 1);
        content.Bytes(former);
        content.Name(MemoryName);
        content.Byte(2);
        content.Unsigned(memory);
        output.Section(7, content.Written);
    }

    private static void WriteCode(ByteWriter output, ModuleDefinition module, int memory)
    {
        ReadOnlySpan<byte> bytes = module.Bytes.Span;
        var section = new ByteWriter();
        section.Unsigned(module.Bodies.Length);
        HashSet<Opcode> noted = [];
        foreach (FunctionBody body in module.Bodies)
        {
            var code = new ByteWriter();
            code.Bytes(bytes[body.Offset..body.CodeOffset]);
            noted.Clear();
            var reader = new InstructionReader(bytes, body.CodeOffset, body.End);
            while (reader.Next())
            {
                Opcode opcode = reader.Opcode;
                bool isClause = opcode is Opcode.Else or Opcode.Catch or Opcode.CatchAll;
                if (!isClause && noted.Add(opcode))
                {
                    Note(code, opcode, memory);
                }

                code.Bytes(bytes[reader.Offset..reader.Position]);
                if (isClause || opcode is Opcode.If or Opcode.End or Opcode.Delegate)
                {
                    noted.Clear();
                }

                if (isClause)
                {
                    Note(code, opcode, memory);
                }
            }

            section.Vector(code.Written);
        }

        output.Section(10, section.Written);
    }

    private static void Note(ByteWriter code, Opcode opcode, int memory)
    {
        // i32.const opcode; i32.const 1; i32.store8
        code.Byte(0x41);
        code.Signed((int)opcode);
        code.Bytes([0x41, 1, 0x3A]);
        code.Byte((byte)(memory == 0 ? 0 : 0x40));
        if (memory != 0)
        {
            code.Unsigned(memory);
        }

        code.Byte(0);
    }
}
