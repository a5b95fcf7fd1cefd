using System.Text;

namespace Wherry.Binary;

/// <summary>
/// The names that the custom section "name" gives (specification, 7.4.1). They serve messages only, so garbage in it is no error: what can be
/// read is used. Each part is decoded when first asked for.
/// </summary>
internal sealed class NameSection
{
    private static readonly NameSection Empty = new(ReadOnlyMemory<byte>.Empty, 0, 0);

    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly Dictionary<NamePart, (int Start, int End)> _parts = [];
    private readonly Dictionary<NamePart, Dictionary<int, (int Start, int Length)>> _maps = [];
    private readonly Dictionary<NamePart, Dictionary<int, Dictionary<int, (int Start, int Length)>>> _indirectMaps = [];
    private readonly Lock _gate = new();

    private NameSection(ReadOnlyMemory<byte> bytes, int start, int length)
    {
        _bytes = bytes;
        var reader = new ByteReader(bytes.Span, start, start + length);
        try
        {
            while (!reader.IsAtEnd)
            {
                var part = (NamePart)reader.ReadByte();
                int size = reader.ReadLength("a part of the name section");
                _ = _parts.TryAdd(part, (reader.Position, reader.Position + size));
                _ = reader.ReadBytes(size);
            }
        }
        catch (ModuleException)
        {
            // What came before stays.
        }
    }

    /// <summary>The parts of the section, by their id.</summary>
    private enum NamePart : byte
    {
        Module,
        Function,
        Local,
        Label,
        Type,
        Table,
        Memory,
        Global,
        Element,
        Data,
        Field,
        Tag,
    }

    /// <summary>The name of the module itself.</summary>
    public string? ModuleName
    {
        get
        {
            if (!_parts.TryGetValue(NamePart.Module, out (int Start, int End) part))
            {
                return null;
            }

            try
            {
                var reader = new ByteReader(_bytes.Span, part.Start, part.End);
                return Encoding.UTF8.GetString(reader.ReadBytes(reader.ReadLength("a name")));
            }
            catch (ModuleException)
            {
                return null;
            }
        }
    }

    /// <summary>The names in the content of a name section.</summary>
    public static NameSection Of(ReadOnlyMemory<byte> bytes, int start, int length) => new(bytes, start, length);

    /// <summary>The names of a module; none if it has no name section.</summary>
    public static NameSection Find(ModuleDefinition module)
    {
        foreach (CustomSection section in module.CustomSections)
        {
            if (section.Name == "name")
            {
                return new NameSection(module.Bytes, section.Offset, section.Length);
            }
        }

        return Empty;
    }

    public string? GetFunctionName(int function) => Get(NamePart.Function, function);

    public string? GetLocalName(int function, int local) => Get(NamePart.Local, function, local);

    public string? GetLabelName(int function, int label) => Get(NamePart.Label, function, label);

    public string? GetTypeName(int type) => Get(NamePart.Type, type);

    public string? GetFieldName(int type, int field) => Get(NamePart.Field, type, field);

    public string? GetTableName(int table) => Get(NamePart.Table, table);

    public string? GetMemoryName(int memory) => Get(NamePart.Memory, memory);

    public string? GetGlobalName(int global) => Get(NamePart.Global, global);

    public string? GetElementName(int segment) => Get(NamePart.Element, segment);

    public string? GetDataName(int segment) => Get(NamePart.Data, segment);

    public string? GetTagName(int tag) => Get(NamePart.Tag, tag);

    private string? Get(NamePart part, int index)
    {
        if (!_parts.TryGetValue(part, out (int Start, int End) range))
        {
            return null;
        }

        lock (_gate)
        {
            if (!_maps.TryGetValue(part, out Dictionary<int, (int, int)>? map))
            {
                map = [];
                var reader = new ByteReader(_bytes.Span, range.Start, range.End);
                _ = TryReadMap(ref reader, map);
                _maps.Add(part, map);
            }

            return map.TryGetValue(index, out (int, int) name) ? Decode(name) : null;
        }
    }

    private string? Get(NamePart part, int outer, int inner)
    {
        if (!_parts.TryGetValue(part, out (int Start, int End) range))
        {
            return null;
        }

        lock (_gate)
        {
            if (!_indirectMaps.TryGetValue(part, out Dictionary<int, Dictionary<int, (int, int)>>? maps))
            {
                maps = ReadIndirectMap(range.Start, range.End);
                _indirectMaps.Add(part, maps);
            }

            return maps.TryGetValue(outer, out Dictionary<int, (int, int)>? map) && map.TryGetValue(inner, out (int, int) name) ? Decode(name) : null;
        }
    }

    private Dictionary<int, Dictionary<int, (int Start, int Length)>> ReadIndirectMap(int start, int end)
    {
        Dictionary<int, Dictionary<int, (int, int)>> maps = [];
        var reader = new ByteReader(_bytes.Span, start, end);
        try
        {
            int count = reader.ReadCount();
            for (int i = 0; i < count; i++)
            {
                int index = reader.ReadIndex();
                Dictionary<int, (int, int)> map = [];
                _ = maps.TryAdd(index, map);
                if (!TryReadMap(ref reader, map))
                {
                    break;
                }
            }
        }
        catch (ModuleException)
        {
            // What came before stays.
        }

        return maps;
    }

    private static bool TryReadMap(ref ByteReader reader, Dictionary<int, (int Start, int Length)> map)
    {
        try
        {
            int count = reader.ReadCount();
            for (int i = 0; i < count; i++)
            {
                int index = reader.ReadIndex();
                int length = reader.ReadLength("a name");
                _ = map.TryAdd(index, (reader.Position, length));
                _ = reader.ReadBytes(length);
            }

            return true;
        }
        catch (ModuleException)
        {
            return false;
        }
    }

    private string Decode((int Start, int Length) name) => Encoding.UTF8.GetString(_bytes.Span.Slice(name.Start, name.Length));
}
