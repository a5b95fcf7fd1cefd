using System.Numerics;
using Wherry.Instructions;

namespace Wherry.Text;

// The immediates of plain instructions (specification, 6.5.2 to 6.5.10).
internal sealed partial class ModuleParser
{
    /// <summary>Reads the immediates of an instruction that is no block, and encodes it.</summary>
    private void ReadInstruction(Instruction instruction, ByteWriter output)
    {
        Opcode opcode = instruction.Opcode;
        switch (opcode)
        {
            case Opcode.Select:
                ReadSelect(output);
                return;
            case Opcode.RefTest:
                ReadCast(output, Opcode.RefTest, Opcode.RefTestNullable);
                return;
            case Opcode.RefCast:
                ReadCast(output, Opcode.RefCast, Opcode.RefCastNullable);
                return;
            case Opcode.RefCastDescEq:
                ReadCast(output, Opcode.RefCastDescEq, Opcode.RefCastDescEqNullable);
                return;
        }

        WriteOpcode(output, opcode);
        switch (instruction.Immediate)
        {
            case Immediate.None:
                break;
            case Immediate.Label:
                output.Unsigned(ResolveLabel());
                break;
            case Immediate.LabelVector:
                ReadLabels(output);
                break;
            case Immediate.Function:
                output.Unsigned(functions.Resolve(at));
                break;
            case Immediate.Type:
                output.Unsigned(types.Resolve(at));
                break;
            case Immediate.TypeTable:
                int table = TryIndex(tables);
                output.Unsigned(ReadTypeUse(allowNames: false).Index);
                output.Unsigned(table);
                break;
            case Immediate.Tag:
                output.Unsigned(tags.Resolve(at));
                break;
            case Immediate.Local:
                output.Unsigned(ResolveLocal());
                break;
            case Immediate.Global:
                output.Unsigned(globals.Resolve(at));
                break;
            case Immediate.Table:
                output.Unsigned(TryIndex(tables));
                break;
            case Immediate.TableTable:
                ReadTwo(output, tables);
                break;
            case Immediate.ElementTable:
                ReadSegmentAndTarget(output, elements, tables);
                break;
            case Immediate.Element:
                output.Unsigned(elements.Resolve(at));
                break;
            case Immediate.MemoryArgument:
                ReadMemoryArgument(output, instruction, hasLane: false);
                break;
            case Immediate.MemoryArgumentLane:
                ReadMemoryArgument(output, instruction, hasLane: true);
                output.Byte(ReadLane());
                break;
            case Immediate.Memory:
                output.Unsigned(TryIndex(memories));
                break;
            case Immediate.MemoryMemory:
                ReadTwo(output, memories);
                break;
            case Immediate.DataMemory:
                encoder.NeedsDataCount = true;
                ReadSegmentAndTarget(output, data, memories);
                break;
            case Immediate.Data:
                encoder.NeedsDataCount = true;
                output.Unsigned(data.Resolve(at));
                break;
            case Immediate.Lane:
                output.Byte(ReadLane());
                break;
            case Immediate.I32:
                output.Signed((int)at.Integer(32));
                break;
            case Immediate.I64:
                output.Signed((long)at.Integer(64));
                break;
            case Immediate.F32:
                output.Fixed32(at.Float32());
                break;
            case Immediate.F64:
                output.Fixed64(at.Float64());
                break;
            case Immediate.V128:
                VectorLiteral.Read(at, output);
                break;
            case Immediate.Shuffle:
                ReadShuffle(output);
                break;
            case Immediate.HeapType:
                ReadHeapType().WriteHeap(output);
                break;
            case Immediate.BranchOnCast:
                ReadBranchOnCast(output);
                break;
            case Immediate.TypeField:
                ReadTypeField(output);
                break;
            case Immediate.TypeData:
                encoder.NeedsDataCount = true;
                output.Unsigned(types.Resolve(at));
                output.Unsigned(data.Resolve(at));
                break;
            case Immediate.TypeElement:
                output.Unsigned(types.Resolve(at));
                output.Unsigned(elements.Resolve(at));
                break;
            case Immediate.TypeType:
                output.Unsigned(types.Resolve(at));
                output.Unsigned(types.Resolve(at));
                break;
            case Immediate.TypeCount:
                output.Unsigned(types.Resolve(at));
                output.Unsigned(at.Natural32());
                break;
            case Immediate.Fence:
                output.Byte(0);
                break;
            default:
                throw new InvalidOperationException($"no text syntax for {instruction}");
        }
    }

    private int TryIndex(IndexSpace space) => at.IsIndex ? space.Resolve(at) : 0;

    private void ReadSelect(ByteWriter output)
    {
        if (!at.IsOpen("result"u8))
        {
            WriteOpcode(output, Opcode.Select);
            return;
        }

        WriteOpcode(output, Opcode.SelectTyped);
        Signature signature = ReadSignature(allowNames: false);
        output.Unsigned(signature.Results.Count);
        foreach (EncodedType type in signature.Results)
        {
            type.Write(output);
        }
    }

    private void ReadCast(ByteWriter output, Opcode nonNull, Opcode nullable)
    {
        EncodedType type = ReadReferenceType();
        WriteOpcode(output, type.Code == EncodedType.NullableReference ? nullable : nonNull);
        type.WriteHeap(output);
    }

    private void ReadBranchOnCast(ByteWriter output)
    {
        int label = ResolveLabel();
        EncodedType from = ReadReferenceType();
        EncodedType to = ReadReferenceType();
        output.Byte((byte)((from.Code == EncodedType.NullableReference ? 1 : 0) | (to.Code == EncodedType.NullableReference ? 2 : 0)));
        output.Unsigned(label);
        from.WriteHeap(output);
        to.WriteHeap(output);
    }

    private void ReadLabels(ByteWriter output)
    {
        var targets = new ByteWriter();
        int count = 0;
        do
        {
            targets.Unsigned(ResolveLabel());
            count++;
        }
        while (at.IsIndex);

        output.Unsigned(count - 1);
        output.Bytes(targets.Written);
    }

    private void ReadTwo(ByteWriter output, IndexSpace space)
    {
        int first = 0;
        int second = 0;
        if (at.IsIndex)
        {
            first = space.Resolve(at);
            second = space.Resolve(at);
        }

        output.Unsigned(first);
        output.Unsigned(second);
    }

    /// <summary><c>memory.init $memory? $data</c> and <c>table.init $table? $elem</c>: with one index it is the segment's.</summary>
    private void ReadSegmentAndTarget(ByteWriter output, IndexSpace segments, IndexSpace targets)
    {
        int target = 0;
        if (at.IsIndex && at.At(at.Position + 1).Kind is TokenKind.Natural or TokenKind.Identifier)
        {
            target = targets.Resolve(at);
        }

        output.Unsigned(segments.Resolve(at));
        output.Unsigned(target);
    }

    private void ReadTypeField(ByteWriter output)
    {
        int type = types.Resolve(at);
        output.Unsigned(type);
        if (type < typeEntries.Count)
        {
            output.Unsigned(typeEntries[type].Fields.Resolve(at));
            return;
        }

        if (at.Is(TokenKind.Identifier))
        {
            at.Fail(at.Current, "unknown type: it has no field of that name");
        }

        output.Unsigned(at.Natural32());
    }

    /// <summary>A memory index, an offset and an alignment, each of which may be absent.</summary>
    private void ReadMemoryArgument(ByteWriter output, Instruction instruction, bool hasLane)
    {
        int memory = 0;
        if (at.IsIndex && (!hasLane || !IsLaneHere()))
        {
            memory = memories.Resolve(at);
        }

        ulong offset = TryAssignment("offset="u8, out ulong given) ? given : 0;
        int alignment = instruction.AccessLog2;
        Token token = at.Current;
        if (TryAssignment("align="u8, out ulong align))
        {
            if (!BitOperations.IsPow2(align))
            {
                at.Fail(token, "alignment must be a power of two");
            }

            alignment = BitOperations.Log2(align);
        }

        // Bit 6 of the alignment says that a memory index follows.
        if (memory == 0)
        {
            output.Unsigned(alignment);
        }
        else
        {
            output.Unsigned(alignment | 0x40);
            output.Unsigned(memory);
        }

        output.Unsigned(offset);
    }

    /// <summary>Whether the number here is the lane itself, since nothing of a memory argument and no other number follows it.</summary>
    private bool IsLaneHere()
    {
        ref readonly Token next = ref at.At(at.Position + 1);
        bool isArgument = next.Kind == TokenKind.Natural
            || (next.Kind == TokenKind.Keyword && (at.Source.Text(next).StartsWith("offset="u8) || at.Source.Text(next).StartsWith("align="u8)));
        return at.Is(TokenKind.Natural) && !isArgument;
    }

    private bool TryAssignment(ReadOnlySpan<byte> prefix, out ulong value)
    {
        value = 0;
        if (!at.Is(TokenKind.Keyword) || !at.Source.Text(at.Current).StartsWith(prefix))
        {
            return false;
        }

        Token token = at.Current;
        ReadOnlySpan<byte> text = at.Source.Text(token)[prefix.Length..];
        if (text.IsEmpty || TextNumbers.Classify(text) != TokenKind.Natural)
        {
            at.Fail(token, $"unknown operator {at.Source.Show(token)}");
        }

        if (!TextNumbers.TryNatural(text, out value))
        {
            at.Fail(token, "i64 constant out of range");
        }

        at.Position++;
        return true;
    }

    private byte ReadLane()
    {
        Token token = at.Expect(TokenKind.Natural);
        return TextNumbers.TryNatural(at.Source.Text(token), out ulong value) && value <= byte.MaxValue
            ? (byte)value
            : throw at.Source.Error(token, "i8 constant out of range: malformed lane index");
    }

    private void ReadShuffle(ByteWriter output)
    {
        Token first = at.Current;
        int count = 0;
        for (; at.Current.Kind is TokenKind.Natural or TokenKind.Integer or TokenKind.Float; count++, at.Position++)
        {
            Token token = at.Current;
            if (token.Kind != TokenKind.Natural || !TextNumbers.TryNatural(at.Source.Text(token), out ulong value) || value > byte.MaxValue)
            {
                throw at.Source.Error(token, "i8 constant out of range: malformed lane index");
            }

            output.Byte((byte)value);
        }

        if (count != 16)
        {
            at.Fail(first, $"invalid lane length: 16 lane indices are needed, {count} are given");
        }
    }
}
