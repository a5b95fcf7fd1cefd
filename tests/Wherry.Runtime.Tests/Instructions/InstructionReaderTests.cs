using System.Runtime.Intrinsics;
using Wherry.Binary;
using Wherry.Instructions;
using Wherry.Tests.Binary;

namespace Wherry.Tests.Instructions;

public class InstructionReaderTests
{
    /// <summary>One row for each instruction there is.</summary>
    public static TheoryData<string> Opcodes => [.. Enum.GetNames<Opcode>()];

    [Fact]
    public void Every_opcode_has_one_row_in_the_table()
    {
        Opcode[] opcodes = Enum.GetValues<Opcode>();
        Assert.Equal(opcodes.Order(), InstructionTable.All.Select(row => row.Opcode));
        Assert.All(opcodes, opcode =>
        {
            (byte prefix, uint code) = InstructionTable.Encoding(opcode);
            Assert.Same(InstructionTable.Get(opcode), InstructionTable.Find(prefix, code));
        });

        // The typed select has the name of the other.
        Assert.Equal(opcodes.Length - 1, InstructionTable.All.Select(row => row.Name).Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Opcodes))]
    public void An_instruction_is_read_with_its_immediates(string name)
    {
        Opcode opcode = Enum.Parse<Opcode>(name);
        byte[] encoding = Encode(opcode);
        byte[] bytes = [0x01, .. encoding, 0x01];
        var reader = new InstructionReader(bytes, 0, bytes.Length);
        Assert.True(reader.Next());
        Assert.Equal(Opcode.Nop, reader.Opcode);
        Assert.True(reader.Next());
        Assert.Equal(opcode, reader.Opcode);
        Assert.Equal(1, reader.Offset);
        Assert.Equal(bytes.Length - 1, reader.Position);
        CheckImmediate(ref reader);
        Assert.True(reader.Next());
        Assert.Equal(Opcode.Nop, reader.Opcode);
        Assert.False(reader.Next());
    }

    [Theory]
    [MemberData(nameof(Opcodes))]
    public void An_instruction_that_is_cut_short_is_malformed(string name)
    {
        byte[] encoding = Encode(Enum.Parse<Opcode>(name));
        for (int length = 1; length < encoding.Length; length++)
        {
            byte[] bytes = encoding[..length];
            MalformedModuleException exception = Assert.Throws<MalformedModuleException>(() =>
            {
                var reader = new InstructionReader(bytes, 0, bytes.Length);
                while (reader.Next())
                {
                    // Until the end.
                }
            });
            Assert.StartsWith("unexpected end", exception.Message);
        }
    }

    [Fact]
    public void All_other_codes_are_illegal()
    {
        foreach (byte prefix in (byte[])[0, 0xFB, 0xFC, 0xFD, 0xFE])
        {
            for (uint code = 0; code < (prefix == 0 ? 0xFBu : 0x400u); code++)
            {
                if (InstructionTable.Find(prefix, code) is null)
                {
                    byte[] bytes = prefix == 0 ? [(byte)code] : [prefix, .. ModuleBuilder.Leb(code)];
                    MalformedModuleException exception = Assert.Throws<MalformedModuleException>(() => new InstructionReader(bytes, 0, bytes.Length).Next());
                    Assert.StartsWith("illegal opcode", exception.Message);
                }
            }
        }
    }

    [Fact]
    public void A_number_after_a_prefix_may_be_longer_than_needed()
    {
        byte[] bytes = [0xFC, 0x87, 0x80, 0x00];
        var reader = new InstructionReader(bytes, 0, bytes.Length);
        Assert.True(reader.Next());
        Assert.Equal(Opcode.I64TruncSatF64U, reader.Opcode);
    }

    private static byte[] Encode(Opcode opcode)
    {
        (byte prefix, uint code) = InstructionTable.Encoding(opcode);
        byte[] start = prefix == 0 ? [(byte)code] : [prefix, .. ModuleBuilder.Leb(code)];
        return [.. start, .. ImmediateBytes(InstructionTable.Get(opcode).Immediate)];
    }

    private static byte[] ImmediateBytes(Immediate immediate) => immediate switch
    {
        Immediate.None => [],
        Immediate.BlockType => [0x85, 0x00],
        Immediate.LabelVector => [2, 7, 8, 9],
        Immediate.MemoryArgument => [0x42, 3, 0x80, 0x80, 0x80, 0x80, 0x10],
        Immediate.MemoryArgumentLane => [0x42, 3, 0x80, 0x80, 0x80, 0x80, 0x10, 6],
        Immediate.Lane => [6],
        Immediate.I32 or Immediate.I64 => [0xC0, 0xBB, 0x78],
        Immediate.F32 => [1, 2, 3, 0x84],
        Immediate.F64 => [1, 2, 3, 4, 5, 6, 7, 0x88],
        Immediate.V128 or Immediate.Shuffle => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        Immediate.ValueTypes => [1, 0x64, 5],
        Immediate.HeapType => [0x6D],
        Immediate.BranchOnCast => [2, 5, 0x6E, 0x83, 0x00],
        Immediate.TryTable => [0x7E, 4, 0, 3, 1, 1, 4, 2, 2, 5, 3, 6],
        Immediate.Fence => [0],
        Immediate.TypeTable or Immediate.TableTable or Immediate.ElementTable or Immediate.MemoryMemory or Immediate.DataMemory or Immediate.TypeField
            or Immediate.TypeData or Immediate.TypeElement or Immediate.TypeType or Immediate.TypeCount => [5, 0x86, 0x01],
        _ => [5],
    };

    private static void CheckImmediate(ref InstructionReader reader)
    {
        Immediate immediate = reader.Instruction.Immediate;
        switch (immediate)
        {
            case Immediate.None:
            case Immediate.Fence:
                break;
            case Immediate.BlockType:
                Assert.Equal(new BlockTypeImmediate(BlockTypeKind.TypeIndex, TypeIndex: 5), reader.BlockType);
                break;
            case Immediate.LabelVector:
                Assert.Equal([7, 8, 9], reader.Labels.ToArray());
                break;
            case Immediate.MemoryArgument:
            case Immediate.MemoryArgumentLane:
                Assert.Equal(2, reader.AlignmentLog2);
                Assert.Equal(3, reader.Memory);
                Assert.Equal(1UL << 32, reader.MemoryOffset);
                Assert.True(immediate == Immediate.MemoryArgument || reader.Lane == 6);
                break;
            case Immediate.Lane:
                Assert.Equal(6, reader.Lane);
                break;
            case Immediate.I32:
            case Immediate.I64:
                Assert.Equal(-123456, reader.Integer);
                break;
            case Immediate.F32:
                Assert.Equal(0x84030201UL, reader.Bits);
                break;
            case Immediate.F64:
                Assert.Equal(0x8807060504030201UL, reader.Bits);
                break;
            case Immediate.V128:
            case Immediate.Shuffle:
                Assert.Equal(Vector128.Create((byte)0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), reader.Vector);
                break;
            case Immediate.ValueTypes:
                Assert.Equal([new EncodedValueType(WasmValueKind.Reference, false, new EncodedHeapType(HeapTypeKind.Defined, 5))], reader.ValueTypes.ToArray());
                break;
            case Immediate.HeapType:
                Assert.Equal(new EncodedHeapType(HeapTypeKind.Eq), reader.HeapType);
                break;
            case Immediate.BranchOnCast:
                Assert.Equal(5, reader.Index);
                Assert.Equal(new EncodedValueType(WasmValueKind.Reference, false, new EncodedHeapType(HeapTypeKind.Any)), reader.CastSource);
                Assert.Equal(new EncodedValueType(WasmValueKind.Reference, true, new EncodedHeapType(HeapTypeKind.Defined, 3)), reader.CastTarget);
                break;
            case Immediate.TryTable:
                Assert.Equal(new BlockTypeImmediate(BlockTypeKind.Value, new EncodedValueType(WasmValueKind.I64)), reader.BlockType);
                Assert.Equal(
                    [
                        new CatchClause(CatchKind.Catch, 3, 1), new CatchClause(CatchKind.CatchReference, 4, 2),
                        new CatchClause(CatchKind.CatchAll, 0, 5), new CatchClause(CatchKind.CatchAllReference, 0, 6),
                    ],
                    reader.CatchClauses.ToArray());
                break;
            default:
                Assert.Equal(5, reader.Index);
                if (ImmediateBytes(immediate).Length > 1)
                {
                    Assert.Equal(134, reader.Index2);
                }

                break;
        }
    }
}
