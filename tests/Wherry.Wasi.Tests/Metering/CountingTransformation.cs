using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Wasi.Tests.Metering;

/// <summary>
/// Rewrites a module so that it counts its own instructions: before each of them it adds one to an exported global. Knows nothing of how the engine
/// counts, and needs no engine that does.
/// </summary>
internal static class CountingTransformation
{
    public const string Export = "executed instructions";

    private const byte GlobalSection = 6;
    private const byte ExportSection = 7;
    private const byte CodeSection = 10;

    public static byte[] Transform(byte[] bytes)
    {
        ModuleDefinition definition = ModuleDecoder.Decode(bytes, WasmFeatures.Wasm3, ModuleLimits.Default);
        var output = new List<byte>(bytes[..8]);
        bool hasGlobals = false, hasExports = false;
        for (int position = 8; position < bytes.Length;)
        {
            byte id = bytes[position++];
            int size = Read(bytes, ref position);
            byte[] content = bytes[position..(position + size)];
            position += size;
            if (!hasGlobals && Order(id) >= Order(GlobalSection))
            {
                hasGlobals = true;
                Add(output, GlobalSection, Append(id == GlobalSection ? content : [0], [0x7E, 1, 0x42, 0, 0x0B]));
                if (id == GlobalSection)
                {
                    continue;
                }
            }

            if (!hasExports && Order(id) >= Order(ExportSection))
            {
                hasExports = true;
                byte[] name = System.Text.Encoding.ASCII.GetBytes(Export);
                Add(output, ExportSection, Append(id == ExportSection ? content : [0], [.. Number(name.Length), .. name, 3, .. Number(definition.Globals.Length)]));
                if (id == ExportSection)
                {
                    continue;
                }
            }

            Add(output, id, id == CodeSection ? Rewrite(bytes, definition) : content);
        }

        return [.. output];
    }

    private static List<byte> Rewrite(byte[] bytes, ModuleDefinition definition)
    {
        byte[] global = Number(definition.Globals.Length);
        byte[] count = [0x23, .. global, 0x42, 1, 0x7C, 0x24, .. global];
        List<byte> section = [.. Number(definition.Bodies.Length)];
        foreach (FunctionBody function in definition.Bodies)
        {
            List<byte> body = [.. bytes[function.Offset..function.CodeOffset]];
            var reader = new InstructionReader(bytes, function.CodeOffset, function.End);
            while (reader.Next())
            {
                string name = reader.Instruction.Name;
                if (name is not ("block" or "loop" or "else" or "end" or "nop" or "try_table" or "try" or "catch" or "catch_all" or "delegate"))
                {
                    body.AddRange(count);
                }

                body.AddRange(bytes[reader.Offset..reader.Position]);
            }

            section.AddRange(Number(body.Count));
            section.AddRange(body);
        }

        return section;
    }

    // The sections' order is that of their numbers, but for tags (13), which come before globals, and the count of data segments (12).
    private static double Order(byte id) => id switch { 0 => 0, 13 => 5.5, 12 => 9.5, _ => id };

    private static byte[] Append(byte[] vector, byte[] element)
    {
        int position = 0;
        int count = Read(vector, ref position);
        return [.. Number(count + 1), .. vector[position..], .. element];
    }

    private static void Add(List<byte> output, byte id, IReadOnlyCollection<byte> content)
    {
        output.Add(id);
        output.AddRange(Number(content.Count));
        output.AddRange(content);
    }

    private static int Read(byte[] bytes, ref int position)
    {
        int value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = bytes[position++];
            value |= (next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }

    private static byte[] Number(int value)
    {
        var bytes = new List<byte>();
        while (value >= 0x80)
        {
            bytes.Add((byte)(value | 0x80));
            value >>= 7;
        }

        return [.. bytes, (byte)value];
    }
}
