namespace Wherry.Compilation.Bounds;

/// <summary>
/// A 32-bit number as a sum of a constant and multiples of what locals hold when a round of a loop starts. All of it wraps around, as the guest's arithmetic does.
/// </summary>
/// <param name="Constant">The constant.</param>
/// <param name="Terms">The locals, in ascending order, with their factors, none of which is zero.</param>
internal sealed record LinearValue(int Constant, (int Local, int Factor)[] Terms)
{
    private const int MaximumTerms = 3;

    public static LinearValue OfConstant(int value) => new(value, []);

    public static LinearValue OfLocal(int local) => new(0, [(local, 1)]);

    /// <summary>Whether another value differs from it by a constant at most.</summary>
    public bool HasTermsOf(LinearValue other) => Terms.AsSpan().SequenceEqual(other.Terms);

    /// <summary>The value plus a multiple of another.</summary>
    /// <returns>null if it has too many terms.</returns>
    public LinearValue? Plus(LinearValue other, int factor)
    {
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
        return terms.Count > MaximumTerms ? null : new LinearValue(unchecked(Constant + (other.Constant * factor)), [.. terms]);
    }
}
