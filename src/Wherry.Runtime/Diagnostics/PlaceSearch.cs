using Wherry.Binary;
using Wherry.Compilation;
using Wherry.Instructions;

namespace Wherry.Diagnostics;

/// <summary>
/// Finds the instruction that a frame stands at. The JIT tells the statement (what IL computes between two points at which its stack is empty), or the one behind it, into which it moved what was
/// computed before. Of the instructions there, the one that fits best what happened is taken.
/// </summary>
internal abstract class PlaceSearch
{
    // The JIT may have moved a computation on by so many statements, although there are others like it; by more only where no other comes into question.
    private const int StatementsBefore = 3;

    /// <summary>How well an instruction fits what happened at it; 0 if it could not happen there.</summary>
    /// <param name="instruction">At the instruction.</param>
    /// <param name="constant">The constant that was pushed just before it, if any.</param>
    protected abstract int Rate(ref InstructionReader instruction, long? constant);

    /// <summary>The instruction that an IL offset belongs to.</summary>
    /// <param name="map">The instructions of the method, in their order: one at least.</param>
    public virtual CodePoint Find(ModuleDefinition definition, List<CodePoint> map, int ilOffset)
    {
        int last = map.Count - 1;
        while (last > 0 && map[last].IlOffset > ilOffset)
        {
            last--;
        }

        // What the prologue computes may have been moved into the first statement.
        bool isInPrologue = ilOffset < map[0].IlOffset;
        ilOffset = Math.Max(ilOffset, map[0].IlOffset);
        while (last + 1 < map.Count && map[last + 1].IlOffset == map[last].IlOffset)
        {
            last++;
        }

        int found = -1;
        int end = last + 1;
        while (end < map.Count && !(map[end].StartsStatement && map[end].IlOffset > ilOffset))
        {
            end++;
        }

        int best = FindBest(definition, map, last, end, ref found) * 2;
        int start = last;
        for (int i = 0; start > 0 && (i < StatementsBefore || best == 0); i++)
        {
            // The instructions that have no IL of their own belong to the statement that follows.
            int before = start - 1;
            while (before > 0 && !(map[before].StartsStatement && map[before].IlOffset < map[start].IlOffset))
            {
                before--;
            }

            int place = -1;
            int rating = (FindBest(definition, map, before, start, ref place) * 2) - 1;
            if (rating > best)
            {
                best = rating;
                found = place;
            }

            start = before;
        }

        // Instructions without code of their own stand at the same IL offset; the last of them has the code.
        return map[found >= 0 ? found : isInPrologue ? 0 : last];
    }

    private int FindBest(ModuleDefinition definition, List<CodePoint> map, int start, int end, ref int found)
    {
        int best = 0;
        long? constant = null;
        for (int i = start; i < end; i++)
        {
            InstructionReader reader = Read(definition, map[i]);
            if (i == start && i > 0)
            {
                InstructionReader previous = Read(definition, map[i - 1]);
                constant = previous.Opcode is Opcode.I32Const or Opcode.I64Const ? previous.Integer : null;
            }

            // The code of an inlined function stands in the place of its call.
            bool isInlined = i + 1 < map.Count && map[i + 1].Call is { } call && call.Offset == map[i].WasmOffset && call.Outer == map[i].Call;
            int rating = isInlined ? 0 : Rate(ref reader, constant);
            if (rating > best)
            {
                best = rating;
                found = i;
            }

            constant = reader.Opcode is Opcode.I32Const or Opcode.I64Const ? reader.Integer : null;
        }

        return best;
    }

    private static InstructionReader Read(ModuleDefinition definition, CodePoint point)
    {
        ReadOnlySpan<byte> bytes = definition.Bytes.Span;
        var reader = new InstructionReader(bytes, point.WasmOffset, bytes.Length);
        _ = reader.Next();
        return reader;
    }
}
