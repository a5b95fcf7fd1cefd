using System.Runtime.CompilerServices;
using Wherry.Instructions;

namespace Wherry.Validation;

internal ref partial struct FunctionValidator
{
    private readonly OperandType Memory(int index)
    {
        if ((uint)index >= (uint)_context.Memories.Length)
        {
            Invalid($"unknown memory {index}: the module has {_context.Memories.Length}");
        }

        return _context.Memories[index];
    }

    private readonly TableInfo Table(int index)
    {
        if ((uint)index >= (uint)_context.Tables.Length)
        {
            Invalid($"unknown table {index}: the module has {_context.Tables.Length}");
        }

        return _context.Tables[index];
    }

    /// <summary>Checks the immediate of a load or store, and gives the type of its address.</summary>
    private readonly OperandType MemoryArgument(Instruction instruction)
    {
        OperandType address = Memory(_reader.Memory);
        int natural = instruction.AccessLog2;
        if (_reader.AlignmentLog2 > natural)
        {
            Invalid($"alignment must not be larger than natural: 2^{_reader.AlignmentLog2} for an access of {1 << natural} bytes");
        }

        if (instruction.Opcode >= Opcode.MemoryAtomicNotify && _reader.AlignmentLog2 != natural)
        {
            Invalid($"atomic alignment must be natural: 2^{_reader.AlignmentLog2} for an access of {1 << natural} bytes");
        }

        if (_reader.MemoryOffset > uint.MaxValue && address == OperandType.I32)
        {
            Invalid($"offset out of range: 0x{_reader.MemoryOffset:x} in a 32-bit memory");
        }

        if (instruction.Immediate == Immediate.MemoryArgumentLane)
        {
            CheckLane(16 >> natural);
        }

        return address;
    }

    private static int LanesOf(Opcode opcode) => opcode switch
    {
        <= Opcode.I8x16ReplaceLane => 16,
        <= Opcode.I16x8ReplaceLane => 8,
        <= Opcode.I32x4ReplaceLane => 4,
        <= Opcode.I64x2ReplaceLane => 2,
        <= Opcode.F32x4ReplaceLane => 4,
        _ => 2,
    };

    private readonly void CheckLane(int count)
    {
        if (_reader.Lane >= count)
        {
            Invalid($"invalid lane index {_reader.Lane}: there are {count} lanes");
        }
    }

    private readonly void CheckShuffle()
    {
        for (int i = 0; i < 16; i++)
        {
            if (_reader.Vector[i] >= 32)
            {
                Invalid($"invalid lane index {_reader.Vector[i]}: there are 32 lanes in two vectors");
            }
        }
    }

    /// <summary>Instructions on tables, segments and whole ranges of memory.</summary>
    private void ValidateBulk()
    {
        int index = _reader.Index;
        switch (_reader.Opcode)
        {
            case Opcode.TableGet:
                Pop(Table(index).Address);
                Push(Table(index).Element);
                break;
            case Opcode.TableSet:
                Pop(Table(index).Element);
                Pop(Table(index).Address);
                break;
            case Opcode.TableSize:
                Push(Table(index).Address);
                break;
            case Opcode.TableGrow:
                Pop(Table(index).Address);
                Pop(Table(index).Element);
                Push(Table(index).Address);
                break;
            case Opcode.TableFill:
                Pop(Table(index).Address);
                Pop(Table(index).Element);
                Pop(Table(index).Address);
                break;
            case Opcode.TableCopy:
                TableInfo destination = Table(index);
                TableInfo source = Table(_reader.Index2);
                CheckElements(source.Element, destination.Element, "the destination table");
                Pop(Shorter(destination.Address, source.Address));
                Pop(source.Address);
                Pop(destination.Address);
                break;
            case Opcode.TableInit:
                TableInfo table = Table(_reader.Index2);
                CheckElements(ElementSegment(index), table.Element, "the table");
                Pop(OperandType.I32);
                Pop(OperandType.I32);
                Pop(table.Address);
                break;
            case Opcode.ElemDrop:
                _ = ElementSegment(index);
                break;
            case Opcode.MemoryInit:
                OperandType memory = Memory(_reader.Index2);
                CheckDataSegment(index);
                Pop(OperandType.I32);
                Pop(OperandType.I32);
                Pop(memory);
                break;
            case Opcode.DataDrop:
                CheckDataSegment(index);
                break;
            case Opcode.MemoryCopy:
                OperandType to = Memory(index);
                OperandType from = Memory(_reader.Index2);
                Pop(Shorter(to, from));
                Pop(from);
                Pop(to);
                break;
            case Opcode.MemoryFill:
                OperandType filled = Memory(index);
                Pop(filled);
                Pop(OperandType.I32);
                Pop(filled);
                break;
        }
    }

    private static OperandType Shorter(OperandType left, OperandType right) =>
        left == OperandType.I64 && right == OperandType.I64 ? OperandType.I64 : OperandType.I32;

    private readonly OperandType ElementSegment(int index)
    {
        if ((uint)index >= (uint)_context.Elements.Length)
        {
            Invalid($"unknown elem segment {index}: the module has {_context.Elements.Length}");
        }

        return _context.Elements[index];
    }

    private readonly void CheckElements(OperandType source, OperandType destination, string what)
    {
        if (!_context.Matches(source, destination))
        {
            Invalid($"type mismatch: elements of type {_context.Describe(source)}, where {what} has {_context.Describe(destination)}");
        }
    }

    private readonly void CheckDataSegment(int index)
    {
        if (_context.Module.DataCount is not { } count)
        {
            MalformedModuleException.Throw($"data count section required by {_reader.Instruction.Name} in {Where}", _reader.Offset);
            return;
        }

        if (index >= count)
        {
            Invalid($"unknown data segment {index}: the module has {count}");
        }
    }
}
