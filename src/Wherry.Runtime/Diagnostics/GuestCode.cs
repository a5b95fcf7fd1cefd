using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Wherry.Compilation;

namespace Wherry.Diagnostics;

/// <summary>Tells which frames of the CLR's stack are guests'.</summary>
internal static class GuestCode
{
    public static bool IsGuest(StackFrame frame) => TryFind(frame, out _, out _, out _);

    /// <summary>The place in the guest that a frame is at; false if the frame is no guest's.</summary>
    /// <param name="search">What is known of the instruction.</param>
    public static bool TryLocate(StackFrame frame, PlaceSearch search, out GuestLocation location)
    {
        if (!TryFind(frame, out CompiledModule? code, out int function, out int region))
        {
            location = default;
            return false;
        }

        int ilOffset = frame.GetILOffset();
        CodePoint point = ilOffset == StackFrame.OFFSET_UNKNOWN ? new CodePoint(ilOffset, -1, null) : code.FindPoint(function, region, ilOffset, search);
        location = new GuestLocation(code.Module, point.Call?.Callee ?? function, point.WasmOffset, region >= 0, point.Call);
        return true;
    }

    private static bool TryFind(StackFrame frame, [NotNullWhen(true)] out CompiledModule? code, out int function, out int region)
    {
        if (frame.GetMethod() is { } method)
        {
            return CompiledModules.TryFind(method, out code, out function, out region);
        }

        (code, function, region) = (null, -1, -1);
        return false;
    }
}
