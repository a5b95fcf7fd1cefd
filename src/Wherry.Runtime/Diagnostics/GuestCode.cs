using System.Diagnostics;
using Wherry.Compilation;

namespace Wherry.Diagnostics;

/// <summary>Tells which frames of the CLR's stack are guests'.</summary>
internal static class GuestCode
{
    /// <summary>The place in the guest that a frame is at; false if the frame is no guest's.</summary>
    public static bool TryLocate(StackFrame frame, out GuestLocation location)
    {
        if (frame.GetMethod() is not { } method || !CompiledModules.TryFind(method, out CompiledModule? code, out int function, out int region))
        {
            location = default;
            return false;
        }

        int ilOffset = frame.GetILOffset();
        CodePoint point = ilOffset == StackFrame.OFFSET_UNKNOWN ? new CodePoint(ilOffset, -1, null) : code.FindPoint(function, region, ilOffset);
        location = new GuestLocation(code.Module, point.Call?.Callee ?? function, point.WasmOffset, region >= 0, point.Call);
        return true;
    }
}
