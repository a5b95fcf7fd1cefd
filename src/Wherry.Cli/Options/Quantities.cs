using System.Globalization;

namespace Wherry.Cli.Options;

/// <summary>Reads numbers, sizes and times as people write them.</summary>
internal static class Quantities
{
    private static readonly (string Suffix, long Factor)[] Units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30),
        ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000),
        ("K", 1L << 10), ("M", 1L << 20), ("G", 1L << 30), ("B", 1),
    ];

    /// <summary>A size in bytes, such as 64MiB, 1.5GiB or 65536.</summary>
    public static long ParseSize(string option, string text)
    {
        long factor = 1;
        string number = text;
        foreach ((string suffix, long unit) in Units)
        {
            if (text.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
            {
                factor = unit;
                number = text[..^suffix.Length].TrimEnd();
                break;
            }
        }

        if (decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal value) && value <= long.MaxValue / factor)
        {
            return (long)(value * factor);
        }

        throw new FormatException($"{option} '{text}' is not a size; write for example 64MiB.");
    }

    public static long ParseCount(string option, string text, long most, string what) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value <= most
            ? value
            : throw new FormatException($"{option} '{text}' is not {what} (a whole number from 0 to {most}).");
}
