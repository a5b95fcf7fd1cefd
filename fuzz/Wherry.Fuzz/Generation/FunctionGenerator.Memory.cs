using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Fuzz.Generation;

/// <summary>Loads, stores, atomics and bulk operations.</summary>
internal sealed partial class FunctionGenerator
{
    private const int PageSize = 65536;

    private int PickMemory() => random.Next(shape.Memories.Count);

    /// <summary>An access to memory with its operands.</summary>
    private void Access(Instruction instruction, int depth)
    {
        bool isAtomic = instruction.Feature == WasmFeatures.Threads;
        bool isWait = instruction.Opcode is Opcode.MemoryAtomicWait32 or Opcode.MemoryAtomicWait64;
        int memory = isWait ? 0 : PickMemory();
        EncodedType address = shape.Memories[memory].Address;
        bool isCareful = IsCareful();
        ulong offset = (ulong)(isCareful ? random.Next(random.OneIn(2) ? 32 : 0x7F00) : random.OneIn(3) ? unchecked((int)random.EdgeInteger(31)) : random.Next(PageSize + 16));
        int mask = 0x7FFF;
        if (isAtomic && isCareful)
        {
            mask &= -1 << instruction.AccessLog2;
            offset &= ulong.MaxValue << instruction.AccessLog2;
        }

        Value(address, depth);
        if (isCareful)
        {
            Mask(address, mask);
        }
        else if (random.OneIn(2))
        {
            Op(Opcode.Drop);
            // At the edge: the last place that is inside, the first that is wholly outside, and for stores those between.
            int size = 1 << instruction.AccessLog2;
            int beyond = instruction.Results.Length == 0 ? random.Next(-1, size) : random.OneIn(2) ? size : 0;
            int edge = PageSize - (int)Math.Min(offset, PageSize) - size + beyond;
            Number(address, edge);
        }

        foreach (Operand operand in isWait ? instruction.Parameters.AsSpan(1, 1) : instruction.Parameters.AsSpan(1))
        {
            Value(TypeOf(operand, address), depth);
        }

        if (isWait)
        {
            // Nobody would wake it up.
            Int64(0);
        }

        Op(instruction.Opcode);
        int alignment = isAtomic ? instruction.AccessLog2 : random.Next(instruction.AccessLog2 + 1);
        code.Unsigned(memory == 0 ? alignment : alignment | 0x40);
        if (memory != 0)
        {
            code.Unsigned(memory);
        }

        code.Unsigned(offset);
        if (instruction.Immediate == Immediate.MemoryArgumentLane)
        {
            code.Byte((byte)random.Next(16 >> instruction.AccessLog2));
        }
    }

    private void Mask(EncodedType address, int mask)
    {
        if (address == Types.I64)
        {
            Int64(mask);
            Op(Opcode.I64And);
        }
        else
        {
            Int32(mask);
            Op(Opcode.I32And);
        }
    }

    private void Number(EncodedType type, int value)
    {
        if (type == Types.I64)
        {
            Int64(value);
        }
        else
        {
            Int32(value);
        }
    }

    /// <summary>A number below a power of two; beyond it if the function is not careful.</summary>
    private void Bounded(EncodedType type, int mask, int depth)
    {
        Value(type, depth);
        if (IsCareful())
        {
            Mask(type, mask);
        }
    }

    private void TryMemory(Opcode opcode, int depth)
    {
        int memory = PickMemory();
        EncodedType address = shape.Memories[memory].Address;
        switch (opcode)
        {
            case Opcode.MemorySize:
                Op(opcode, memory);
                Keep(address);
                break;
            case Opcode.MemoryGrow:
                Bounded(address, 3, depth);
                Op(opcode, memory);
                Keep(address);
                break;
            case Opcode.MemoryFill:
                Bounded(address, 0x3FFF, depth);
                Value(Types.I32, depth);
                Bounded(address, 0xFF, depth);
                Op(opcode, memory);
                break;
            case Opcode.MemoryCopy:
                int source = PickMemory();
                EncodedType sourceAddress = shape.Memories[source].Address;
                Bounded(address, 0x3FF, depth);
                Bounded(sourceAddress, 0x3FF, depth);
                Bounded(address == Types.I64 && sourceAddress == Types.I64 ? Types.I64 : Types.I32, 0x1FF, depth);
                Op(opcode, memory, source);
                break;
            case Opcode.MemoryInit:
                Bounded(address, 0x3FFF, depth);
                Bounded(Types.I32, 0x7, depth);
                Bounded(Types.I32, 0x7, depth);

                Op(opcode, PickData(), memory);
                break;
        }
    }

    private void TryTable(Opcode opcode, int depth)
    {
        // Careful indirect calls go through the last one.
        int table = random.Next(shape.Tables.Count - 1);
        EncodedType address = shape.Tables[table].Address;
        EncodedType element = shape.Tables[table].Type;
        switch (opcode)
        {
            case Opcode.TableGet:
                Bounded(address, 7, depth);
                Op(opcode, table);
                Keep(element);
                break;
            case Opcode.TableSet:
                Bounded(address, 7, depth);
                Value(element, depth);
                Op(opcode, table);
                break;
            case Opcode.TableSize:
                Op(opcode, table);
                Keep(address);
                break;
            case Opcode.TableGrow:
                Value(element, depth);
                Bounded(address, 3, depth);
                Op(opcode, table);
                Keep(address);
                break;
            case Opcode.TableFill:
                Bounded(address, 7, depth);
                Value(element, depth);
                Bounded(address, 3, depth);
                Op(opcode, table);
                break;
            case Opcode.TableCopy:
                // The tables of functions come first; only they are of one type.
                (table, int source) = random.Pick<(int, int)>([(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)]);
                address = shape.Tables[table].Address;
                EncodedType sourceAddress = shape.Tables[source].Address;
                Bounded(address, 3, depth);
                Bounded(sourceAddress, 3, depth);
                Bounded(address == Types.I64 && sourceAddress == Types.I64 ? Types.I64 : Types.I32, 7, depth);
                Op(opcode, table, source);
                break;
            case Opcode.TableInit:
                int segment = PickSegment(Types.Func, IsCareful());
                table = random.Next(2);
                address = shape.Tables[table].Address;
                Bounded(address, 7, depth);
                Bounded(Types.I32, 1, depth);
                Bounded(Types.I32, 1, depth);
                Op(opcode, segment, table);
                break;
        }
    }

    /// <summary>The first segment is active, and so dropped from the start; the last may be dropped.</summary>
    private int PickData() => IsCareful() ? random.Next(1, shape.DataCount - 2) : random.Next(shape.DataCount);

    /// <summary>An element segment of a type; the first is active, and so dropped from the start; the last may be dropped.</summary>
    private int PickSegment(EncodedType type, bool isPassive)
    {
        int segment;
        do
        {
            segment = isPassive ? random.Next(1, shape.Elements.Count - 2) : random.Next(shape.Elements.Count);
        }
        while (!shape.IsSubtype(shape.Elements[segment], type));

        return segment;
    }
}
