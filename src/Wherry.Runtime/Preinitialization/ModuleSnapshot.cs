using System.Runtime.Intrinsics;
using Wherry.Binary;
using Wherry.Diagnostics;
using Wherry.Execution;
using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Preinitialization;

/// <summary>
/// Writes a module that starts with the state of an instance: its memories as data segments, its globals' and tables' values, and what is left of its passive segments. Code, types,
/// imports and custom sections stay as they are, byte for byte; there is no start function any more, since it has run.
/// </summary>
internal sealed class ModuleSnapshot
{
    private const byte CustomSection = 0;
    private const byte TableSection = 4;
    private const byte MemorySection = 5;
    private const byte GlobalSection = 6;
    private const byte ExportSection = 7;
    private const byte StartSection = 8;
    private const byte ElementSection = 9;
    private const byte DataSection = 11;
    private const byte DataCountSection = 12;

    // The order of sections in a module (specification, 5.5.2), by their number.
    private static readonly int[] s_rank = [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6];

    private readonly GuestInstance _guest;
    private readonly ModuleDefinition _definition;
    private readonly SnapshotTypes _types;
    private readonly ReferenceWriter _references;
    private readonly HashSet<int> _namedFunctions = [];
    private bool _usesData;
    private bool _usesElements;
    private int _dataCount;

    private ModuleSnapshot(Instance instance)
    {
        _guest = instance.Guest;
        _definition = _guest.Code.Definition;
        _types = new SnapshotTypes(_definition);
        _references = new ReferenceWriter(_guest, _types);
    }

    /// <summary>Writes the module. The instance's store must not be running.</summary>
    /// <param name="instance">The instance, which imports nothing but functions.</param>
    /// <param name="droppedExports">Exported functions that the new module does not export: they have done their work.</param>
    /// <exception cref="SnapshotException">The instance has state that can't be saved.</exception>
    public static byte[] Write(Instance instance, IReadOnlyCollection<string> droppedExports) => new ModuleSnapshot(instance).Write(droppedExports);

    /// <exception cref="SnapshotException">The module imports what is not its own to save.</exception>
    public static void CheckImports(Module module)
    {
        foreach (ModuleImport import in module.Imports)
        {
            if (import.Type.Kind != ExternalKind.Function)
            {
                throw new SnapshotException($"it imports a {import.Type.Kind.ToString().ToLowerInvariant()}, \"{ErrorText.Clean(import.Module)}\" \"{ErrorText.Clean(import.Name)}\", which is not the module's own to save.");
            }
        }
    }

    private ReadOnlySpan<byte> Bytes => _definition.Bytes.Span;

    private byte[] Write(IReadOnlyCollection<string> droppedExports)
    {
        CheckImports(_guest.Code.Module);
        ScanCode();

        // The new sections, by number: data first, since it is counted in another.
        var sections = new SortedDictionary<int, (byte Id, byte[] Content)>();
        Add(DataSection, WriteData);
        if (_definition.DataCount is not null)
        {
            Add(DataCountSection, content => content.Unsigned(_dataCount));
        }

        Add(TableSection, WriteTables);
        Add(MemorySection, WriteMemories);
        Add(GlobalSection, WriteGlobals);
        Add(ExportSection, content => WriteExports(content, droppedExports));
        Add(ElementSection, WriteElements);

        var output = new ByteWriter();
        output.Bytes(Bytes[..8]);
        foreach ((byte id, int start, int end) in ReadSections())
        {
            if (id != CustomSection)
            {
                WriteSectionsBefore(s_rank[id]);
            }

            if (id is not (StartSection or TableSection or MemorySection or GlobalSection or ExportSection or ElementSection or DataSection or DataCountSection))
            {
                output.Bytes(Bytes[start..end]);
            }
            else if (id != StartSection)
            {
                WriteSectionsBefore(s_rank[id] + 1);
            }
        }

        WriteSectionsBefore(int.MaxValue);
        return output.Written.ToArray();

        void Add(byte id, Action<ByteWriter> write)
        {
            var content = new ByteWriter();
            write(content);
            if (content.Length > 0)
            {
                sections.Add(s_rank[id], (id, content.Written.ToArray()));
            }
        }

        void WriteSectionsBefore(int rank)
        {
            while (sections.Count > 0 && sections.First() is var (first, section) && first < rank)
            {
                output.Section(section.Id, section.Content);
                _ = sections.Remove(first);
            }
        }
    }

    private void ScanCode()
    {
        foreach (FunctionBody body in _definition.Bodies)
        {
            var reader = new InstructionReader(Bytes, body.CodeOffset, body.End);
            while (reader.Next())
            {
                switch (reader.Opcode)
                {
                    case Opcode.RefFunc:
                        _ = _namedFunctions.Add(reader.Index);
                        break;
                    case Opcode.MemoryInit or Opcode.DataDrop or Opcode.ArrayNewData or Opcode.ArrayInitData:
                        _usesData = true;
                        break;
                    case Opcode.TableInit or Opcode.ElemDrop or Opcode.ArrayNewElem or Opcode.ArrayInitElem:
                        _usesElements = true;
                        break;
                }
            }
        }
    }

    private void WriteTables(ByteWriter content)
    {
        if (_definition.Tables.Length == 0)
        {
            return;
        }

        content.Unsigned(_definition.Tables.Length);
        for (int i = 0; i < _definition.Tables.Length; i++)
        {
            (TableType type, ConstantExpression? initializer) = _definition.Tables[i];
            bool hasInitializer = !type.ElementType.IsNullable;
            if (hasInitializer)
            {
                content.Byte(0x40);
                content.Byte(0);
            }

            _types.Write(content, type.ElementType);
            SnapshotTypes.WriteLimits(content, (ulong)_guest.Tables[i].Size, type.Maximum, type.IsShared, type.Is64Bit);
            if (hasInitializer)
            {
                content.Bytes(Bytes.Slice(initializer!.Value.Offset, initializer.Value.Length));
            }
        }
    }

    private void WriteMemories(ByteWriter content)
    {
        if (_definition.Memories.Length == 0)
        {
            return;
        }

        content.Unsigned(_definition.Memories.Length);
        for (int i = 0; i < _definition.Memories.Length; i++)
        {
            MemoryType type = _definition.Memories[i];
            SnapshotTypes.WriteLimits(content, _guest.Memories[i].PageCount, type.Maximum, type.IsShared, type.Is64Bit, type.PageSizeLog2);
        }
    }

    private void WriteGlobals(ByteWriter content)
    {
        if (_definition.Globals.Length == 0)
        {
            return;
        }

        content.Unsigned(_definition.Globals.Length);
        for (int i = 0; i < _definition.Globals.Length; i++)
        {
            GlobalType type = _definition.Globals[i].Type;
            _types.Write(content, type.ValueType);
            content.Byte(type.IsMutable ? (byte)1 : (byte)0);
            object? value = _guest.Code.GetCreatedGlobalField(i) is { } field ? field.GetValue(_guest) : _guest.Globals[i].Value;
            WriteValue(content, value, type.ValueType, $"global {i}");
        }
    }

    private void WriteValue(ByteWriter content, object? value, WasmValueType type, string holder)
    {
        switch (type.Kind)
        {
            case WasmValueKind.I32:
                content.Byte(0x41);
                content.Signed((int)value!);
                break;
            case WasmValueKind.I64:
                content.Byte(0x42);
                content.Signed((long)value!);
                break;
            case WasmValueKind.F32:
                content.Byte(0x43);
                content.Fixed32(BitConverter.SingleToUInt32Bits((float)value!));
                break;
            case WasmValueKind.F64:
                content.Byte(0x44);
                content.Fixed64(BitConverter.DoubleToUInt64Bits((double)value!));
                break;
            case WasmValueKind.V128:
                content.Byte(0xFD);
                content.Byte(0x0C);
                Vector128<ulong> halves = ((Vector128<byte>)value!).AsUInt64();
                content.Fixed64(halves[0]);
                content.Fixed64(halves[1]);
                break;
            default:
                _references.Write(content, value, type.HeapType, holder);
                return;
        }

        content.Byte(0x0B);
    }

    private void WriteExports(ByteWriter content, IReadOnlyCollection<string> dropped)
    {
        ExportDefinition[] exports = [.. _definition.Exports.Where(export => export.Kind != ExternalKind.Function || !dropped.Contains(export.Name))];
        if (exports.Length == 0)
        {
            return;
        }

        content.Unsigned(exports.Length);
        foreach (ExportDefinition export in exports)
        {
            content.Name(export.Name);
            content.Byte((byte)export.Kind);
            content.Unsigned(export.Index);
        }
    }

    private void WriteElements(ByteWriter content)
    {
        var segments = new List<byte[]>();
        if (_usesElements)
        {
            for (int i = 0; i < _definition.Elements.Length; i++)
            {
                segments.Add(KeepElements(i));
            }
        }

        for (int i = 0; i < _definition.Tables.Length; i++)
        {
            ElementSegments.Write(segments, i, _definition.Tables[i].Type, _guest.Tables[i].Elements, _types, _references);
        }

        if (_namedFunctions.Count > 0)
        {
            // Functions that code refers to must be named outside of it too: what named them may be gone.
            segments.Add(ElementSegments.Declare([.. _namedFunctions.Order()]));
        }

        if (segments.Count > 0)
        {
            content.Unsigned(segments.Count);
            foreach (byte[] segment in segments)
            {
                content.Bytes(segment);
            }
        }
    }

    // A segment that was dropped is as one without elements: code may still name it.
    private byte[] KeepElements(int index)
    {
        ElementSegment segment = _definition.Elements[index];
        return segment.Mode == SegmentMode.Passive && (_guest.Elements[index].Length > 0 || segment.Count == 0)
            ? Bytes[_definition.Offsets.Elements[index]..EndOf(_definition.Offsets.Elements, index, ElementSection)].ToArray()
            : ElementSegments.Empty(segment.Type, _types);
    }

    private void WriteData(ByteWriter content)
    {
        var segments = new ByteWriter();
        if (_usesData)
        {
            for (int i = 0; i < _definition.Data.Length; i++)
            {
                if (_definition.Data[i].Mode == SegmentMode.Passive && !_guest.DroppedData[i])
                {
                    segments.Bytes(Bytes[_definition.Offsets.Data[i]..EndOf(_definition.Offsets.Data, i, DataSection)]);
                }
                else
                {
                    segments.Byte(1);
                    segments.Unsigned(0);
                }

                _dataCount++;
            }
        }

        for (int i = 0; i < _definition.Memories.Length; i++)
        {
            using MemoryLease lease = _guest.Memories[i].Lease();
            _dataCount += DataSegments.Write(segments, i, _definition.Memories[i].Is64Bit, lease);
        }

        if (_dataCount > 0)
        {
            content.Unsigned(_dataCount);
            content.Bytes(segments.Written);
        }
    }

    private int EndOf(int[] offsets, int index, byte section) => index + 1 < offsets.Length ? offsets[index + 1] : ReadSections().First(read => read.Id == section).End;

    private List<(byte Id, int Start, int End)> ReadSections()
    {
        var sections = new List<(byte Id, int Start, int End)>();
        var reader = new ByteReader(Bytes, 8, Bytes.Length);
        while (reader.Position < Bytes.Length)
        {
            int start = reader.Position;
            byte id = reader.ReadByte();
            int size = (int)reader.ReadU32();
            int contentStart = reader.Position;
            sections.Add((id, start, contentStart + size));
            reader = new ByteReader(Bytes, contentStart + size, Bytes.Length);
        }

        return sections;
    }
}
