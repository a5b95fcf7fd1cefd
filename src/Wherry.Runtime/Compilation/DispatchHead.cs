using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <summary>The start of a loop that fetches something and branches on it, as the loop of an interpreter does.</summary>
/// <param name="Start">Where its first instruction is in the module.</param>
/// <param name="End">Where its <c>br_table</c> ends.</param>
/// <param name="OpenBlocks">Where the blocks start that are open at the <c>br_table</c>.</param>
/// <param name="LabelCount">How many labels the <c>br_table</c> has.</param>
internal sealed record DispatchHead(int Start, int End, int[] OpenBlocks, int LabelCount)
{
    private const int MaximumInstructions = 40;

    /// <summary>Finds the head of a loop; null if it has none, or one that is too large to be written again and again.</summary>
    public static DispatchHead? Find(ModuleDefinition definition, int start, int end)
    {
        var open = new List<int>();
        int instructions = 0;
        var reader = new InstructionReader(definition.Bytes.Span, start, end);
        while (reader.Next())
        {
            switch (reader.Opcode)
            {
                case Opcode.Block:
                case Opcode.If:
                    open.Add(reader.Opcode == Opcode.Block ? reader.Offset : -1);
                    break;
                case Opcode.Else when open.Count > 0:
                    instructions++;
                    break;
                case Opcode.End when open.Count > 0:
                    open.RemoveAt(open.Count - 1);
                    break;
                case Opcode.BrTable:
                    return open.Contains(-1) ? null : new DispatchHead(start, reader.Position, [.. open], reader.Labels.Length);
                case Opcode.BrIf or Opcode.Br:
                case Opcode.Drop or Opcode.Select or Opcode.LocalGet or Opcode.LocalSet or Opcode.LocalTee or Opcode.GlobalGet or Opcode.GlobalSet:
                case Opcode.I32Const or Opcode.I64Const:
                case >= Opcode.I32Load and <= Opcode.I64Store32:
                case >= Opcode.I32Eqz and <= Opcode.I64GeU:
                case >= Opcode.I32Clz and <= Opcode.I64Rotr:
                case Opcode.I32WrapI64 or Opcode.I64ExtendI32S or Opcode.I64ExtendI32U or (>= Opcode.I32Extend8S and <= Opcode.I64Extend32S):
                    instructions++;
                    break;
                default:
                    return null;
            }

            if (instructions > MaximumInstructions)
            {
                return null;
            }
        }

        return null;
    }
}
