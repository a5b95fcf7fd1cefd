using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Wherry.Binary;

namespace Wherry.Instructions;

/// <summary>
/// Walks over the instructions in a range of a module, with their immediates decoded (specification, 5.4). It checks that the bytes are
/// well-formed and no more; indices and types are the validator's concern. Members for immediates hold what the current
/// instruction has; the others are stale.
/// </summary>
internal ref struct InstructionReader
{
    private ByteReader _reader;
    private int[] _labels = [];
    private CatchClause[] _clauses = Empty<CatchClause>.Array;
    private EncodedValueType[] _valueTypes = Empty<EncodedValueType>.Array;
    private int _labelCount;
    private int _clauseCount;
    private int _valueTypeCount;

    /// <param name="bytes">The whole module.</param>
    /// <param name="position">Where the first instruction starts.</param>
    /// <param name="end">Where the last one ends.</param>
    public InstructionReader(ReadOnlySpan<byte> bytes, int position, int end)
    {
        _reader = new ByteReader(bytes, position, end);
        Instruction = InstructionTable.Get(Opcode.Nop);
    }

    /// <summary>The opcode of the current instruction.</summary>
    public Opcode Opcode { readonly get; private set; }

    /// <summary>Its row in the table.</summary>
    public Instruction Instruction { readonly get; private set; }

    /// <summary>Where it starts in the module.</summary>
    public int Offset { readonly get; private set; }

    /// <summary>Where it ends.</summary>
    public readonly int Position => _reader.Position;

    /// <summary>
    /// The first index: function, type, tag, local, global, table, label, segment; the destination of a copy; a memory. One beyond int is
    /// int.MaxValue.
    /// </summary>
    public int Index { readonly get; private set; }

    /// <summary>The second index, or the count of <c>array.new_fixed</c>.</summary>
    public int Index2 { readonly get; private set; }

    /// <summary>The value of i32.const and i64.const, sign-extended.</summary>
    public long Integer { readonly get; private set; }

    /// <summary>The bits of f32.const and f64.const.</summary>
    public ulong Bits { readonly get; private set; }

    /// <summary>The value of v128.const, or the lanes of i8x16.shuffle.</summary>
    public Vector128<byte> Vector { readonly get; private set; }

    public int Lane { readonly get; private set; }

    /// <summary>The memory that the instruction accesses, sizes or grows.</summary>
    public int Memory { readonly get; private set; }

    public ulong MemoryOffset { readonly get; private set; }

    public int AlignmentLog2 { readonly get; private set; }

    public BlockTypeImmediate BlockType { readonly get; private set; }

    public EncodedHeapType HeapType { readonly get; private set; }

    /// <summary>The type that the operand of br_on_cast has.</summary>
    public EncodedValueType CastSource { readonly get; private set; }

    /// <summary>The type that br_on_cast asks for.</summary>
    public EncodedValueType CastTarget { readonly get; private set; }

    /// <summary>The labels of br_table, the default one last.</summary>
    public readonly ReadOnlySpan<int> Labels => _labels.AsSpan(0, _labelCount);

    /// <summary>The clauses of try_table.</summary>
    public readonly ReadOnlySpan<CatchClause> CatchClauses => _clauses.AsSpan(0, _clauseCount);

    /// <summary>The types of the typed select.</summary>
    public readonly ReadOnlySpan<EncodedValueType> ValueTypes => _valueTypes.AsSpan(0, _valueTypeCount);

    /// <summary>Continues elsewhere in the same module, so that buffers are kept.</summary>
    public void MoveTo(ReadOnlySpan<byte> bytes, int position, int end) => _reader = new ByteReader(bytes, position, end);

    /// <summary>Goes to the next instruction, false at the end.</summary>
    public bool Next()
    {
        if (_reader.IsAtEnd)
        {
            return false;
        }

        Offset = _reader.Position;
        byte code = _reader.ReadByte();
        Instruction? instruction = code < 0xFB ? InstructionTable.Find(code) : FindPrefixed(code);
        if (instruction is null)
        {
            ThrowIllegalOpcode(code);
            return false;
        }

        Instruction = instruction;
        Opcode = instruction.Opcode;
        if (instruction.Immediate != Immediate.None)
        {
            ReadImmediate(instruction.Immediate);
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Instruction? FindPrefixed(byte prefix) => prefix == 0xFF ? null : InstructionTable.Find(prefix, _reader.ReadU32());

    private readonly void ThrowIllegalOpcode(byte code)
    {
        string message = $"illegal opcode {code:x2}";
        if (code is >= 0xFB and < 0xFF)
        {
            // FindPrefixed read the number; a fresh reader at the prefix shows it.
            ByteReader reader = _reader.At(Offset + 1);
            message += $" {reader.ReadU32():x2}";
        }

        MalformedModuleException.Throw(message, Offset);
    }

    private void ReadImmediate(Immediate immediate)
    {
        switch (immediate)
        {
            case Immediate.BlockType:
                BlockType = ReadBlockType();
                break;
            case Immediate.Label:
            case Immediate.Function:
            case Immediate.Type:
            case Immediate.Tag:
            case Immediate.Local:
            case Immediate.Global:
            case Immediate.Table:
            case Immediate.Element:
            case Immediate.Data:
                Index = _reader.ReadIndex();
                break;
            case Immediate.Memory:
                Index = _reader.ReadIndex();
                Memory = Index;
                break;
            case Immediate.TypeTable:
            case Immediate.TableTable:
            case Immediate.ElementTable:
            case Immediate.MemoryMemory:
            case Immediate.TypeField:
            case Immediate.TypeData:
            case Immediate.TypeElement:
            case Immediate.TypeType:
            case Immediate.TypeCount:
                Index = _reader.ReadIndex();
                Index2 = _reader.ReadIndex();
                break;
            case Immediate.DataMemory:
                Index = _reader.ReadIndex();
                Index2 = _reader.ReadIndex();
                Memory = Index2;
                break;
            case Immediate.LabelVector:
                ReadLabels();
                break;
            case Immediate.MemoryArgument:
                ReadMemoryArgument();
                break;
            case Immediate.MemoryArgumentLane:
                ReadMemoryArgument();
                Lane = _reader.ReadByte();
                break;
            case Immediate.Lane:
                Lane = _reader.ReadByte();
                break;
            case Immediate.I32:
                Integer = _reader.ReadS32();
                break;
            case Immediate.I64:
                Integer = _reader.ReadS64();
                break;
            case Immediate.F32:
                Bits = BinaryPrimitives.ReadUInt32LittleEndian(_reader.ReadBytes(4));
                break;
            case Immediate.F64:
                Bits = BinaryPrimitives.ReadUInt64LittleEndian(_reader.ReadBytes(8));
                break;
            case Immediate.V128:
            case Immediate.Shuffle:
                Vector = Vector128.Create(_reader.ReadBytes(16));
                break;
            case Immediate.ValueTypes:
                ReadValueTypes();
                break;
            case Immediate.HeapType:
                HeapType = TypeEncoding.ReadHeapType(ref _reader);
                break;
            case Immediate.BranchOnCast:
                ReadBranchOnCast();
                break;
            case Immediate.TryTable:
                BlockType = ReadBlockType();
                ReadCatchClauses();
                break;
            case Immediate.Fence:
                int start = _reader.Position;
                if (_reader.ReadByte() != 0)
                {
                    MalformedModuleException.Throw("zero byte expected after atomic.fence", start);
                }

                break;
        }
    }

    private BlockTypeImmediate ReadBlockType()
    {
        byte code = _reader.PeekByte();
        if (code == 0x40)
        {
            _ = _reader.ReadByte();
            return new(BlockTypeKind.Empty);
        }

        if (TypeEncoding.StartsValueType(code))
        {
            return new(BlockTypeKind.Value, TypeEncoding.ReadValueType(ref _reader));
        }

        int start = _reader.Position;
        long index = _reader.ReadS33();
        if (index < 0)
        {
            MalformedModuleException.Throw($"malformed block type: {index}", start);
        }

        return new(BlockTypeKind.TypeIndex, TypeIndex: (int)Math.Min(index, int.MaxValue));
    }

    private void ReadMemoryArgument()
    {
        int start = _reader.Position;
        uint flags = _reader.ReadU32();
        Memory = 0;
        if (flags >= 0x40)
        {
            if (flags >= 0x80)
            {
                MalformedModuleException.Throw($"malformed memop flags: 0x{flags:x}", start);
            }

            Memory = _reader.ReadIndex();
            flags &= 0x3F;
        }

        AlignmentLog2 = (int)flags;
        MemoryOffset = _reader.ReadU64();
    }

    private void ReadLabels()
    {
        int count = _reader.ReadCount() + 1;
        if (_labels.Length < count)
        {
            _labels = new int[Math.Max(count, 16)];
        }

        for (int i = 0; i < count; i++)
        {
            _labels[i] = _reader.ReadIndex();
        }

        _labelCount = count;
    }

    private void ReadValueTypes()
    {
        int count = _reader.ReadCount();
        if (_valueTypes.Length < count)
        {
            _valueTypes = new EncodedValueType[count];
        }

        for (int i = 0; i < count; i++)
        {
            _valueTypes[i] = TypeEncoding.ReadValueType(ref _reader);
        }

        _valueTypeCount = count;
    }

    private void ReadBranchOnCast()
    {
        int start = _reader.Position;
        byte flags = _reader.ReadByte();
        if (flags > 3)
        {
            MalformedModuleException.Throw($"malformed br_on_cast flags: 0x{flags:x2}", start);
        }

        Index = _reader.ReadIndex();
        CastSource = new(WasmValueKind.Reference, (flags & 1) != 0, TypeEncoding.ReadHeapType(ref _reader));
        CastTarget = new(WasmValueKind.Reference, (flags & 2) != 0, TypeEncoding.ReadHeapType(ref _reader));
    }

    private void ReadCatchClauses()
    {
        int count = _reader.ReadCount();
        if (_clauses.Length < count)
        {
            _clauses = new CatchClause[count];
        }

        for (int i = 0; i < count; i++)
        {
            int start = _reader.Position;
            var kind = (CatchKind)_reader.ReadByte();
            if (kind > CatchKind.CatchAllReference)
            {
                MalformedModuleException.Throw($"malformed catch clause: byte 0x{(byte)kind:x2}", start);
            }

            int tag = kind is CatchKind.Catch or CatchKind.CatchReference ? _reader.ReadIndex() : 0;
            _clauses[i] = new CatchClause(kind, tag, _reader.ReadIndex());
        }

        _clauseCount = count;
    }
}
