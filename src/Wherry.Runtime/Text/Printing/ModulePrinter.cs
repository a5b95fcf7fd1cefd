using Wherry.Binary;

namespace Wherry.Text.Printing;

/// <summary>
/// Prints a module in the text format, so that reading it again gives the same module: the same sections with the same entries in the same
/// order, names and custom sections included. It goes over the bytes as they are, since a decoded module has lost the indices of its types.
/// The module need not be valid.
/// </summary>
internal sealed partial class ModulePrinter
{
    private static readonly string[] SectionNames =
        ["type", "import", "func", "table", "memory", "global", "export", "start", "elem", "code", "data", "datacount", "tag"];

    private readonly ReadOnlyMemory<byte> bytes;
    private readonly TextOutput output = new();
    private readonly Dictionary<byte, (int Start, int End)> sections = [];
    private readonly List<(string Name, int Start, int End, string Place)> custom = [];
    private readonly List<FunctionTypeText?> functionTypes = [];
    private readonly List<int> functionTypeIndices = [];
    private readonly int[] counts = new int[5];

    private NameTable types = null!;
    private NameTable functions = null!;
    private NameTable tables = null!;
    private NameTable memories = null!;
    private NameTable globals = null!;
    private NameTable tags = null!;
    private NameTable elements = null!;
    private NameTable data = null!;
    private NameSection names = NameSection.Of(default, 0, 0);
    private NameTable[] fields = [];
    private Dictionary<(int Function, int Offset), int> branchHints = [];

    private ModulePrinter(ReadOnlyMemory<byte> bytes) => this.bytes = bytes;

    /// <exception cref="MalformedModuleException">The bytes are not a module.</exception>
    public static string Print(ReadOnlyMemory<byte> bytes)
    {
        var printer = new ModulePrinter(bytes);
        printer.FindSections();
        printer.PrintModule();
        return printer.output.ToString();
    }

    private ByteReader Reader(int start, int end) => new(bytes.Span, start, end);

    /// <summary>A reader of a section behind its count, and the count; 0 if the module has no such section.</summary>
    private ByteReader Open(byte section, out int count)
    {
        if (!sections.TryGetValue(section, out (int Start, int End) range))
        {
            count = 0;
            return Reader(0, 0);
        }

        ByteReader reader = Reader(range.Start, range.End);
        count = reader.ReadCount();
        return reader;
    }

    private void FindSections()
    {
        ReadOnlySpan<byte> header = "\0asm\u0001\0\0\0"u8;
        if (!bytes.Span.StartsWith(header))
        {
            MalformedModuleException.Throw(bytes.Length < 8 ? "unexpected end" : bytes.Span.StartsWith(header[..4]) ? "unknown binary version" : "magic header not detected", 0);
        }

        string place = "before first";
        ByteReader reader = Reader(8, bytes.Length);
        while (!reader.IsAtEnd)
        {
            int start = reader.Position;
            byte id = reader.ReadByte();
            int length = reader.ReadLength("a section");
            int content = reader.Position;
            reader.ReadBytes(length);
            if (id == 0)
            {
                ByteReader section = Reader(content, content + length);
                string name = section.ReadName(int.MaxValue);
                if (name == "name")
                {
                    names = NameSection.Of(bytes, section.Position, content + length - section.Position);
                    place = "after last";
                }
                else
                {
                    custom.Add((name, section.Position, content + length, place));
                }
            }
            else if (id > 13 || !sections.TryAdd(id, (content, content + length)))
            {
                MalformedModuleException.Throw(id > 13 ? $"malformed section id: {id}" : "unexpected content after last section", start);
            }
            else if (place != "after last")
            {
                place = $"after {SectionNames[id - 1]}";
            }
        }
    }

    private void PrintModule()
    {
        PrepareNames();
        ReadBranchHints();
        output.Append("(module");
        if (names.ModuleName is string name)
        {
            output.Append(name.Length > 0 ? $" {TextOutput.Identifier(name)}" : " (@name \"\")");
        }

        output.Indent = 1;
        PrintTypes();
        PrintImports();
        PrintTables();
        PrintMemories();
        PrintTags();
        PrintGlobals();
        PrintExports();
        PrintStart();
        PrintElements();
        PrintFunctions();
        PrintData();
        PrintCustomSections();
        output.Append(")\n");
    }

    private void PrepareNames()
    {
        CountImports();
        functions = new NameTable(counts[0] + CountOf(3), names.GetFunctionName);
        tables = new NameTable(counts[1] + CountOf(4), names.GetTableName);
        memories = new NameTable(counts[2] + CountOf(5), names.GetMemoryName);
        globals = new NameTable(counts[3] + CountOf(6), names.GetGlobalName);
        tags = new NameTable(counts[4] + CountOf(13), names.GetTagName);
        elements = new NameTable(CountOf(9), names.GetElementName);
        data = new NameTable(CountOf(11), names.GetDataName);
        ReadTypes();
    }

    private int CountOf(byte section)
    {
        Open(section, out int count);
        return count;
    }

    private void PrintExports()
    {
        ByteReader reader = Open(7, out int count);
        for (int i = 0; i < count; i++)
        {
            string name = reader.ReadName(int.MaxValue);
            (string kind, NameTable space) = KindOf(reader.ReadByte(), reader.Position);
            output.Line();
            output.Append($"(export {TextOutput.Quote(name)} ({kind} {space.Reference(reader.ReadIndex())}))");
        }
    }

    private (string Kind, NameTable Space) KindOf(byte kind, int offset)
    {
        switch (kind)
        {
            case 0:
                return ("func", functions);
            case 1:
                return ("table", tables);
            case 2:
                return ("memory", memories);
            case 3:
                return ("global", globals);
            default:
                if (kind != 4)
                {
                    MalformedModuleException.Throw($"malformed export kind: {kind}", offset);
                }

                return ("tag", tags);
        }
    }

    private void PrintStart()
    {
        if (sections.TryGetValue(8, out (int Start, int End) range))
        {
            ByteReader reader = Reader(range.Start, range.End);
            output.Line();
            output.Append($"(start {functions.Reference(reader.ReadIndex())})");
        }
    }

    private void PrintCustomSections()
    {
        foreach ((string name, int start, int end, string place) in custom)
        {
            // Branch hints stand at their instructions, if all of them could be read.
            if (name == "metadata.code.branch_hint" && branchHints.Count > 0)
            {
                continue;
            }

            output.Line();
            output.Append($"(@custom {TextOutput.Quote(name)} ({place}) ").Quote(bytes.Span[start..end]).Append(")");
        }
    }

    private void ReadBranchHints()
    {
        foreach ((string name, int start, int end, _) in custom)
        {
            if (name != "metadata.code.branch_hint")
            {
                continue;
            }

            try
            {
                var hints = new Dictionary<(int, int), int>();
                ByteReader reader = Reader(start, end);
                int count = reader.ReadCount();
                for (int i = 0; i < count; i++)
                {
                    int function = reader.ReadIndex();
                    int inFunction = reader.ReadCount();
                    for (int j = 0; j < inFunction; j++)
                    {
                        int offset = reader.ReadIndex();
                        reader.ReadByte();
                        hints[(function, offset)] = reader.ReadByte() & 1;
                    }
                }

                branchHints = hints;
            }
            catch (MalformedModuleException)
            {
                // Then it is printed as bytes.
            }
        }
    }
}
