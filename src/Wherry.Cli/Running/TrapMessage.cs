using System.Globalization;
using System.Text;
using Wherry.Cli.Output;
using Wherry.Diagnostics;

namespace Wherry.Cli.Running;

/// <summary>A trap, for a person: why, where in memory, and the guest's calls.</summary>
internal static class TrapMessage
{
    private const int ShownAtEachEnd = 16;

    /// <summary>An exception of the guest that it did not catch: by the name under which a module exports its tag, and its values.</summary>
    public static string Describe(WasmException exception, IEnumerable<Instance> instances)
    {
        var text = new StringBuilder("trap: uncaught exception");
        string? name = instances
            .SelectMany(instance => instance.Exports.Where(export => export.Type.Kind == ExternalKind.Tag && instance.GetTag(export.Name) == exception.Tag))
            .FirstOrDefault()?.Name;
        if (name is not null)
        {
            text.Append(" \"").Append(Terminal.CleanName(ErrorText.Clean(name))).Append('"');
        }

        IReadOnlyList<object?> values = exception.Values;
        for (int i = 0; i < values.Count; i++)
        {
            text.Append(i == 0 ? " (" : ", ").Append(exception.Tag.Type.FunctionType.Parameters[i]).Append(' ').Append(Invocation.Format(values[i]));
        }

        return text.Append(values.Count > 0 ? ")" : "").ToString();
    }

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

            text.Append("\n    at ").Append(Terminal.CleanName(ErrorText.Clean(frames[i].ToString(), ErrorText.MaximumMessage)));
        }

        return text.ToString();
    }
}
