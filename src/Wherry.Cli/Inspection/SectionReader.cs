using Wherry.Cli.Output;

namespace Wherry.Cli.Inspection;

/// <summary>A section of a module.</summary>
/// <param name="Name">What the specification calls it, or the name of a custom section.</param>
/// <param name="Offset">Where its content starts.</param>
internal sealed record Section(int Id, string Name, int Offset, int Size)
{
    public bool IsCustom => Id == 0;
}

/// <summary>Lists the sections of a module that is known to be well-formed.</summary>
internal static class SectionReader
{
    private static readonly string[] Names =
        ["custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data", "data count", "tag"];

    public static List<Section> Read(ReadOnlySpan<byte> module)
    {
        var sections = new List<Section>();
        for (int position = 8; position < module.Length;)
        {
            int id = module[position++];
            int size = (int)ReadUnsigned(module, ref position);
            int offset = position;
            string name = id < Names.Length ? Names[id] : $"section {id}";
            if (id == 0)
            {
                int length = (int)ReadUnsigned(module, ref position);
                name = Terminal.CleanName(System.Text.Encoding.UTF8.GetString(module.Slice(position, length)));
            }

            sections.Add(new Section(id, name, offset, size));
            position = offset + size;
        }

        return sections;
    }

    private static uint ReadUnsigned(ReadOnlySpan<byte> bytes, ref int position)
    {
        uint value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte part = bytes[position++];
            value |= (uint)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }
    }
}
