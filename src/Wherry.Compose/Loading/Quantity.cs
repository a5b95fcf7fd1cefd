using System.Buffers;
using System.Globalization;

namespace Wherry.Compose.Loading;

/// <summary>Reads durations and sizes as Compose files have them.</summary>
internal static class Quantity
{
    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    private static readonly (string Unit, double Seconds)[] Durations = [("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600)];

    private static readonly (string Unit, long Bytes)[] Sizes =
    [
        ("kib", 1L << 10), ("mib", 1L << 20), ("gib", 1L << 30), ("kb", 1L << 10), ("mb", 1L << 20), ("gb", 1L << 30),
        ("k", 1L << 10), ("m", 1L << 20), ("g", 1L << 30), ("b", 1),
    ];

    /// <summary>Such as <c>10s</c>, <c>1m30s</c> or <c>500ms</c>.</summary>
    public static bool TryParseDuration(string text, out TimeSpan duration)
    {
        duration = default;
        ReadOnlySpan<char> rest = text;
        double seconds = 0;
        if (rest.IsEmpty)
        {
            return false;
        }

        if (rest is "0")
        {
            return true;
        }

        while (!rest.IsEmpty)
        {
            int digits = rest.IndexOfAnyExcept(NumberCharacters);
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number))
            {
                return false;
            }

            rest = rest[digits..];
            int letters = rest.IndexOfAny(NumberCharacters);
            ReadOnlySpan<char> unit = letters < 0 ? rest : rest[..letters];
            double factor = 0;
            foreach ((string name, double value) in Durations)
            {
                factor = unit.SequenceEqual(name) ? value : factor;
            }

            if (factor == 0)
            {
                return false;
            }

            seconds += number * factor;
            rest = rest[unit.Length..];
        }

        // More than a year is meant to be for ever.
        duration = TimeSpan.FromSeconds(Math.Min(seconds, 366 * 86400.0));
        return true;
    }

    /// <summary>Such as <c>64m</c>, <c>1.5gb</c> or <c>1048576</c>; units are powers of 1,024.</summary>
    public static bool TryParseSize(string text, out long bytes)
    {
        bytes = 0;
        string number = text.Trim().ToLowerInvariant();
        long factor = 1;
        foreach ((string unit, long value) in Sizes)
        {
            if (number.EndsWith(unit, StringComparison.Ordinal))
            {
                number = number[..^unit.Length].TrimEnd();
                factor = value;
                break;
            }
        }

        if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal count) || count > long.MaxValue / factor)
        {
            return false;
        }

        bytes = (long)(count * factor);
        return true;
    }
}
