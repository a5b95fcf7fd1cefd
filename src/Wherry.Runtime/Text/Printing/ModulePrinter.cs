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

    private const string BranchHintName = "metadata.code.branch_hint";
    private const byte CodeSection = 10;

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

    // Hints that stood at an instruction that can have one. And whether the section of hints ends where the code section begins, as the text format writes it.
    private int placedHints;
    private bool areHintsBeforeCode;

    private ModulePrinter(ReadOnlyMemory<byte> bytes) => this.bytes = bytes;

    /// <exception cref="MalformedModuleException">The bytes are not a module.</exception>
    public static string Print(ReadOnlyMemory<byte> bytes)
    {
        ModulePrinter printer = Print(bytes, readsHints: true);
        if (printer.placedHints != printer.branchHints.Count)
        {
            // A hint for what is no branch: the section is printed as bytes instead.
            printer = Print(bytes, readsHints: false);
        }

        return printer.output.ToString();
    }

    private static ModulePrinter Print(ReadOnlyMemory<byte> bytes, bool readsHints)
    {
        var printer = new ModulePrinter(bytes);
        printer.FindSections();
        if (readsHints)
        {
            printer.ReadBranchHints();
        }

        printer.PrintModule();
        return printer;
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
        int hintsEnd = -1;
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
                    hintsEnd = name == BranchHintName ? content + length : hintsEnd;
                }
            }
            else if (id > 13 || !sections.TryAdd(id, (content, content + length)))
            {
                MalformedModuleException.Throw(id > 13 ? $"malformed section id: {id}" : "unexpected content after last section", start);
            }
            else if (id == CodeSection)
            {
                areHintsBeforeCode = start == hintsEnd;
                place = place != "after last" ? $"after {SectionNames[id - 1]}" : place;
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
            // Branch hints stand at their instructions, if all of them could be placed.
            if (name == BranchHintName && branchHints.Count > 0)
            {
                continue;
            }

            output.Line();
            output.Append($"(@custom {TextOutput.Quote(name)} ({place}) ").Quote(bytes.Span[start..end]).Append(")");
        }
    }

    /// <summary>
    /// Reads the section of branch hints if it is as the text format writes it. Custom sections may hold anything, and are kept: what is not so is printed
    /// as bytes.
    /// </summary>
    private void ReadBranchHints()
    {
        (string Name, int Start, int End, string Place)[] found = [.. custom.Where(section => section.Name == BranchHintName)];
        if (found.Length != 1 || !areHintsBeforeCode)
        {
            return;
        }

        try
        {
            ByteReader reader = Reader(found[0].Start, found[0].End);
            if (TryReadHints(ref reader, out Dictionary<(int, int), int> hints) && reader.IsAtEnd)
            {
                branchHints = hints;
            }
        }
        catch (MalformedModuleException)
        {
            // Cut off.
        }
    }

    private static bool TryReadHints(ref ByteReader reader, out Dictionary<(int Function, int Offset), int> hints)
    {
        hints = [];
        int count = reader.ReadCount();
        for (int i = 0, lastFunction = -1; i < count; i++)
        {
            int function = reader.ReadIndex();
            int inFunction = reader.ReadCount();
            if (function <= lastFunction || inFunction == 0)
            {
                return false;
            }

            lastFunction = function;
            for (int j = 0, lastOffset = -1; j < inFunction; j++)
            {
                int offset = reader.ReadIndex();
                int length = reader.ReadByte();
                int hint = length == 1 ? reader.ReadByte() : -1;
                if (offset <= lastOffset || hint is not (0 or 1))
                {
                    return false;
                }

                lastOffset = offset;
                hints.Add((function, offset), hint);
            }
        }

        return true;
    }
}
