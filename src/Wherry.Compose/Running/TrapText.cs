using System.Globalization;
using System.Text;

namespace Wherry.Compose.Running;

/// <summary>A trap in a few lines: why, where in memory, and the guest's innermost calls.</summary>
internal static class TrapText
{
    private const int ShownFrames = 12;

    public static string Describe(TrapException trap)
    {
        var text = new StringBuilder("trap: ").Append(trap.Reason);
        if (trap.Address is { } address)
        {
            text.Append(CultureInfo.InvariantCulture, $" at address 0x{address:x}");
        }

        foreach (GuestStackFrame frame in trap.GuestStack.Take(ShownFrames))
        {
            text.Append("\n    at ").Append(frame);
        }

        if (trap.GuestStack.Length > ShownFrames)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n    … {trap.GuestStack.Length - ShownFrames} more");
        }

        return text.ToString();
    }
}
