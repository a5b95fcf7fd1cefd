using System.Runtime.Intrinsics;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>128-bit vectors.</content>
internal sealed partial class FunctionEmitter
{
    private static bool TryEmitVector(ref InstructionReader reader) => false;

    private void EmitVectorConstant(Vector128<byte> value)
    {
        _il.Int64(value.AsInt64()[0]);
        _il.Int64(value.AsInt64()[1]);
        _il.Call(RuntimeMembers.Method(typeof(Execution.Numeric), nameof(Execution.Numeric.Vector)));
    }
}
