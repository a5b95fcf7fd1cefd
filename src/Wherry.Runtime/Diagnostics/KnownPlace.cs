using Wherry.Binary;
using Wherry.Compilation;
using Wherry.Instructions;

namespace Wherry.Diagnostics;

/// <summary>The instruction is known. Where its function was inlined more than once, it is the nearest.</summary>
internal sealed class KnownPlace(int offset) : PlaceSearch
{
    public override CodePoint Find(ModuleDefinition definition, List<CodePoint> map, int ilOffset)
    {
        CodePoint? found = null;
        foreach (CodePoint point in map)
        {
            if (point.WasmOffset == offset && (found is null || point.IlOffset <= ilOffset))
            {
                found = point;
            }
        }

        return found ?? new CodePoint(ilOffset, offset, null);
    }

    protected override int Rate(ref InstructionReader instruction, long? constant) => 0;
}
