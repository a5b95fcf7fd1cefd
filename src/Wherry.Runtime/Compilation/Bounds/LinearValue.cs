namespace Wherry.Compilation.Bounds;

/// <summary>
/// A 32-bit number as a sum of a constant, multiples of what locals hold when a round of a loop starts, and a number that is only known to be small. All of it wraps around, as the guest's arithmetic does.
/// </summary>
/// <param name="Constant">The constant.</param>
/// <param name="Terms">The locals, in ascending order, with their factors, none of which is zero.</param>
/// <param name="Spread">What the small number is at most; it is not negative.</param>
internal sealed record LinearValue(int Constant, (int Local, int Factor)[] Terms, uint Spread = 0)
{
    private const int MaximumTerms = 3;

    /// <summary>What it is at most, if that is known: it has no terms then, and does not wrap around.</summary>
    public uint? Maximum => Terms.Length == 0 && Constant >= 0 && (long)Constant + Spread <= int.MaxValue ? (uint)Constant + Spread : null;

    public static LinearValue OfConstant(int value) => new(value, []);

    public static LinearValue OfLocal(int local) => new(0, [(local, 1)]);

    /// <summary>A number that is known to be at most so large.</summary>
    public static LinearValue AtMost(uint maximum) => new(0, [], maximum);

    /// <summary>Whether another value differs from it by a constant at most, but for small numbers.</summary>
    public bool HasTermsOf(LinearValue other) => Terms.AsSpan().SequenceEqual(other.Terms);

    /// <summary>The value plus a multiple of another.</summary>
    /// <returns>null if it has too many terms, or nothing is left of what is known.</returns>
    public LinearValue? Plus(LinearValue other, int factor)
    {
        if (other.Spread > 0 && (factor < 0 || Spread + ((long)other.Spread * factor) > int.MaxValue))
        {
            return null;
        }

        uint spread = Spread + (other.Spread == 0 ? 0 : other.Spread * (uint)factor);
        var terms = new List<(int Local, int Factor)>(Terms);
        foreach ((int local, int count) in other.Terms)
        {
            int scaled = unchecked(count * factor);
            int index = terms.FindIndex(term => term.Local >= local);
            if (index < 0)
            {
                terms.Add((local, scaled));
            }
            else if (terms[index].Local == local)
            {
                terms[index] = (local, unchecked(terms[index].Factor + scaled));
            }
            else
            {
                terms.Insert(index, (local, scaled));
            }
        }

        _ = terms.RemoveAll(term => term.Factor == 0);
        return terms.Count > MaximumTerms ? null : new LinearValue(unchecked(Constant + (other.Constant * factor)), [.. terms], spread);
    }
}
