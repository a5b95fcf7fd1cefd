using Wherry.Instructions;

namespace Wherry.Diagnostics;

/// <summary>Finds the call that the next inner frame was made by.</summary>
/// <param name="callee">What was called, if it is the guest's.</param>
internal sealed class CallSearch(GuestLocation? callee) : PlaceSearch
{
    private const int Possible = 1;
    private const int Certain = 2;

    protected override int Rate(ref InstructionReader instruction, long? constant)
    {
        if (!Metering.IsCall(instruction.Opcode))
        {
            return 0;
        }

        // An imported function may be any, and be called through a table.
        bool isDirect = instruction.Opcode is Opcode.Call or Opcode.ReturnCall;
        return isDirect && callee is GuestLocation location && location.FunctionIndex == instruction.Index ? Certain : Possible;
    }
}
