using Wherry.Binary;
using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Fuzz.Differential;

/// <summary>
/// Makes a module smaller while something stays true of it: takes instructions out of functions, range by range, with what keeps the stack as it is in their place.
/// </summary>
internal sealed class Shrinker(Engine engine, Func<byte[], bool> isInteresting)
{
    // What a range of instructions may be replaced with.
    private static readonly byte[][] Fillers =
    [
        [], [0x00], [0x1A], [0x1A, 0x1A], [0x41, 0], [0x42, 0], [0x43, 0, 0, 0, 0], [0x44, 0, 0, 0, 0, 0, 0, 0, 0], [0x1A, 0x41, 0], [0x1A, 0x42, 0], [0x1A, 0x1A, 0x41, 0], [0x1A, 0x1A, 0x1A],
        [0xFD, 0x0C, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0xD0, 0x70], [0xD0, 0x71], [0xD0, 0x72], [0x1A, 0xFD, 0x0C, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0x1A, 0xD0, 0x71],
    ];

    private byte[] module = [];
    private List<(byte[] Locals, List<byte[]> Code)> bodies = [];

    public byte[] Shrink(byte[] start)
    {
        module = start;
        bodies = Split(Module.Load(engine, start).Definition);
        bool hasChanged = true;
        while (hasChanged)
        {
            hasChanged = false;
            for (int function = bodies.Count - 1; function >= 0; function--)
            {
                for (int size = Math.Max(1, bodies[function].Code.Count / 2); size > 0; size = size * 2 / 3)
                {
                    hasChanged |= ShrinkFunction(function, size);
                }
            }
        }

        return module;
    }

    private bool ShrinkFunction(int function, int size)
    {
        bool hasChanged = false;
        (byte[] locals, List<byte[]> code) = bodies[function];

        // The last instruction is the function's end.
        for (int at = code.Count - 1 - size; at >= 0; at -= Math.Max(1, size / 2))
        {
            if (at + size >= code.Count)
            {
                continue;
            }

            foreach (byte[] filler in Fillers)
            {
                int former = code.Skip(at).Take(size).Sum(instruction => instruction.Length);
                if (filler.Length >= former)
                {
                    continue;
                }

                List<byte[]> changed = [.. code[..at], .. filler.Length == 0 ? (byte[][])[] : [filler], .. code[(at + size)..]];
                bodies[function] = (locals, changed);
                byte[] candidate = Join();
                if (IsValid(candidate) && isInteresting(candidate))
                {
                    module = candidate;
                    code = changed;
                    hasChanged = true;
                    break;
                }

                bodies[function] = (locals, code);
            }
        }

        return hasChanged;
    }

    private bool IsValid(byte[] candidate)
    {
        try
        {
            _ = Module.Load(engine, candidate);
            return true;
        }
        catch (ModuleException)
        {
            return false;
        }
    }

    private static List<(byte[] Locals, List<byte[]> Code)> Split(ModuleDefinition definition)
    {
        ReadOnlySpan<byte> bytes = definition.Bytes.Span;
        List<(byte[], List<byte[]>)> bodies = [];
        foreach (FunctionBody body in definition.Bodies)
        {
            List<byte[]> code = [];
            var reader = new InstructionReader(bytes, body.CodeOffset, body.End);
            while (reader.Next())
            {
                int start = reader.Offset;
                if (Generation.NanResults.MayBeNan(reader.Instruction))
                {
                    // What makes all NaNs the same stays with it: local.tee, the constant, twice local.get, the comparison, select or bitselect.
                    for (int i = 0; i < 6 && reader.Next(); i++)
                    {
                    }
                }

                code.Add(bytes[start..reader.Position].ToArray());
            }

            bodies.Add((bytes[body.Offset..body.CodeOffset].ToArray(), code));
        }

        return bodies;
    }

    /// <summary>The module with the bodies as they are now.</summary>
    private byte[] Join()
    {
        var output = new ByteWriter();
        output.Bytes(module.AsSpan(0, 8));
        int position = 8;
        while (position < module.Length)
        {
            int start = position;
            var reader = new ByteReader(module, position + 1, module.Length);
            int length = (int)reader.ReadU32();
            position = reader.Position + length;
            if (module[start] != 10)
            {
                output.Bytes(module.AsSpan(start, position - start));
                continue;
            }

            var section = new ByteWriter();
            section.Unsigned(bodies.Count);
            foreach ((byte[] locals, List<byte[]> code) in bodies)
            {
                var body = new ByteWriter();
                body.Bytes(locals);
                foreach (byte[] instruction in code)
                {
                    body.Bytes(instruction);
                }

                section.Vector(body.Written);
            }

            output.Section(10, section.Written);
        }

        return output.Written.ToArray();
    }
}
