namespace Wherry.Text;

/// <summary>Collects the sections of a module and puts them together in the order of the binary format (specification, 5.5).</summary>
internal sealed class ModuleEncoder
{
    /// <summary>The ids of the sections in the order in which a module holds them.</summary>
    private static readonly byte[] Order = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

    private readonly List<(string Name, byte[] Content, byte Section, bool IsBefore)> custom = [];

    public EntryList Types { get; } = new();

    public EntryList Imports { get; } = new();

    public EntryList Functions { get; } = new();

    public EntryList Tables { get; } = new();

    public EntryList Memories { get; } = new();

    public EntryList Tags { get; } = new();

    public EntryList Globals { get; } = new();

    public EntryList Exports { get; } = new();

    public EntryList Elements { get; } = new();

    public EntryList Codes { get; } = new();

    public EntryList Data { get; } = new();

    public int? Start { get; set; }

    /// <summary>Whether code names data segments, so that a data count section must stand before it.</summary>
    public bool NeedsDataCount { get; set; }

    /// <summary>The name section's content, or null.</summary>
    public ByteWriter? Names { get; set; }

    /// <summary>The content of the section of branch hints, or null.</summary>
    public ByteWriter? BranchHints { get; set; }

    /// <summary>Adds a custom section before or after the place of another (0: the start, 255: the end).</summary>
    public void AddCustom(string name, byte[] content, byte section, bool isBefore) => custom.Add((name, content, section, isBefore));

    public byte[] ToBytes()
    {
        if (BranchHints is not null)
        {
            AddCustom("metadata.code.branch_hint", BranchHints.Written.ToArray(), 10, isBefore: true);
        }

        var module = new ByteWriter();
        module.Bytes("\0asm\u0001\0\0\0"u8);
        WriteCustom(module, 0, isBefore: true);
        WriteCustom(module, 0, isBefore: false);
        foreach (byte id in Order)
        {
            WriteCustom(module, id, isBefore: true);
            WriteSection(module, id);
            WriteCustom(module, id, isBefore: false);
        }

        WriteCustom(module, 255, isBefore: true);
        if (Names is not null)
        {
            Custom(module, "name", Names.Written);
        }

        WriteCustom(module, 255, isBefore: false);
        return module.Written.ToArray();
    }

    private static void Custom(ByteWriter module, string name, ReadOnlySpan<byte> content)
    {
        var section = new ByteWriter();
        section.Name(name);
        section.Bytes(content);
        module.Section(0, section.Written);
    }

    private void WriteCustom(ByteWriter module, byte section, bool isBefore)
    {
        foreach ((string name, byte[] content, byte place, bool before) in custom)
        {
            if (place == section && before == isBefore)
            {
                Custom(module, name, content);
            }
        }
    }

    private void WriteSection(ByteWriter module, byte id)
    {
        EntryList? list = id switch
        {
            1 => Types,
            2 => Imports,
            3 => Functions,
            4 => Tables,
            5 => Memories,
            6 => Globals,
            7 => Exports,
            9 => Elements,
            10 => Codes,
            11 => Data,
            13 => Tags,
            _ => null,
        };
        var content = new ByteWriter();
        if (list is { Count: > 0 })
        {
            content.Unsigned(list.Count);
            content.Bytes(list.Writer.Written);
        }
        else if (id == 8 && Start is int start)
        {
            content.Unsigned(start);
        }
        else if (id == 12 && NeedsDataCount)
        {
            content.Unsigned(Data.Count);
        }

        module.Section(id, content.Written);
    }

    /// <summary>The entries of a section, encoded one after the other.</summary>
    internal sealed class EntryList
    {
        public ByteWriter Writer { get; } = new();

        public int Count { get; private set; }

        /// <summary>Counts one more entry, which the caller writes.</summary>
        public ByteWriter Add()
        {
            Count++;
            return Writer;
        }
    }
}
