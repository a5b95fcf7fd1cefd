using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation.Outlining;

/// <summary>The blocks around a place, the function itself first.</summary>
/// <param name="Blocks">Their numbers, in the order in which blocks start; -1 is the function.</param>
/// <param name="Carried">How many values a branch to each carries.</param>
internal readonly record struct OuterBlocks(int[] Blocks, int[] Carried)
{
    /// <summary>Those around each of the places, which are offsets of instructions.</summary>
    public static Dictionary<int, OuterBlocks> Find(ModuleDefinition definition, FunctionBody body, FunctionType type, HashSet<int> places)
    {
        var found = new Dictionary<int, OuterBlocks>();
        var blocks = new List<int> { -1 };
        var carried = new List<int> { type.Results.Length };
        int count = 0;
        var reader = new InstructionReader(definition.Bytes.Span, body.CodeOffset, body.End);
        while (reader.Next())
        {
            if (places.Contains(reader.Offset))
            {
                found.Add(reader.Offset, new OuterBlocks([.. blocks], [.. carried]));
            }

            switch (reader.Opcode)
            {
                case Opcode.Block:
                case Opcode.Loop:
                case Opcode.If:
                    blocks.Add(count++);
                    carried.Add(CountCarried(definition, reader.BlockType, reader.Opcode == Opcode.Loop));
                    break;
                case Opcode.End:
                    blocks.RemoveAt(blocks.Count - 1);
                    carried.RemoveAt(carried.Count - 1);
                    break;
            }
        }

        return found;
    }

    private static int CountCarried(ModuleDefinition definition, BlockTypeImmediate type, bool isLoop)
    {
        switch (type.Kind)
        {
            case BlockTypeKind.Empty:
                return 0;
            case BlockTypeKind.Value:
                return isLoop ? 0 : 1;
            default:
                FunctionType function = definition.Types[type.TypeIndex].Function!;
                return isLoop ? function.Parameters.Length : function.Results.Length;
        }
    }
}
