using System.Diagnostics;

namespace Wherry.Diagnostics;

/// <summary>Tells which frames of the CLR's stack are guests'.</summary>
internal static class GuestCode
{
    /// <summary>The place in the guest that a frame is at; false if the frame is no guest's.</summary>
    public static bool TryLocate(StackFrame frame, out GuestLocation location)
    {
        location = default;
        return false;
    }
}
