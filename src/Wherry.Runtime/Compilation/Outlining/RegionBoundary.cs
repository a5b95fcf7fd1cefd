using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation.Outlining;

/// <summary>What crosses the boundary of a stretch of code: the branches out of it, and the locals that it touches.</summary>
internal sealed class RegionBoundary
{
    private readonly ModuleDefinition _definition;

    private RegionBoundary(ModuleDefinition definition, int localCount)
    {
        _definition = definition;
        Used = new LocalSet(localCount);
        Written = new LocalSet(localCount);
    }

    /// <summary>Whether it can't be a method of its own.</summary>
    public bool IsFixed { get; private set; }

    /// <summary>The depths of the blocks that it branches to; 0 is the function.</summary>
    public SortedSet<int> Exits { get; } = [];

    public LocalSet Used { get; }

    public LocalSet Written { get; }

    /// <param name="outer">The blocks around, the function itself first: how many values a branch to each carries.</param>
    public static RegionBoundary Find(ModuleDefinition definition, int start, int end, ReadOnlySpan<int> outer, int localCount)
    {
        var boundary = new RegionBoundary(definition, localCount);
        int depth = outer.Length;
        var reader = new InstructionReader(definition.Bytes.Span, start, end);
        while (!boundary.IsFixed && reader.Next())
        {
            switch (reader.Opcode)
            {
                case Opcode.Block:
                case Opcode.Loop:
                case Opcode.If:
                    depth++;
                    break;
                case Opcode.End:
                    depth--;
                    break;
                case Opcode.LocalGet:
                    boundary.Used[reader.Index] = true;
                    break;
                case Opcode.LocalSet:
                case Opcode.LocalTee:
                    boundary.Used[reader.Index] = true;
                    boundary.Written[reader.Index] = true;
                    break;
                case Opcode.Br:
                case Opcode.BrIf:
                    boundary.AddExit(depth - 1 - reader.Index, outer);
                    break;
                case Opcode.BrTable:
                    foreach (int label in reader.Labels)
                    {
                        boundary.AddExit(depth - 1 - label, outer);
                    }

                    break;
                case Opcode.Return:
                    boundary.AddExit(OutlinedRegion.Return, outer);
                    break;
                case Opcode.ReturnCall:
                case Opcode.ReturnCallIndirect:
                case Opcode.ReturnCallRef:
                case Opcode.BrOnNull:
                case Opcode.BrOnNonNull:
                case Opcode.BrOnCast:
                case Opcode.BrOnCastFail:
                case Opcode.BrOnCastDescEq:
                case Opcode.BrOnCastDescEqFail:
                    boundary.IsFixed = true;
                    break;
            }
        }

        return boundary;
    }

    private void AddExit(int target, ReadOnlySpan<int> outer)
    {
        if (target < outer.Length)
        {
            // Only a return may carry a value.
            IsFixed |= outer[target] > (target == OutlinedRegion.Return ? 1 : 0);
            Exits.Add(target);
        }
    }
}
