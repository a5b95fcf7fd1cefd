using System.Globalization;
using System.Text;
using Wherry.Cli.Output;

namespace Wherry.Cli.Running;

/// <summary>A trap, for a person: why, where in memory, and the guest's calls.</summary>
internal static class TrapMessage
{
    private const int ShownAtEachEnd = 16;

    public static string Describe(TrapException trap)
    {
        var text = new StringBuilder("trap: ").Append(trap.Reason);
        if (trap.Address is { } address)
        {
            text.Append(CultureInfo.InvariantCulture, $" at address 0x{address:x}");
        }

        var frames = trap.GuestStack;
        for (int i = 0; i < frames.Length; i++)
        {
            if (i == ShownAtEachEnd && frames.Length > 2 * ShownAtEachEnd)
            {
                int left = frames.Length - (2 * ShownAtEachEnd);
                text.Append("\n    … ").Append(left).Append(" more …");
                i += left;
            }

            text.Append("\n    at ").Append(Terminal.CleanName(frames[i].ToString()));
        }

        return text.ToString();
    }
}
