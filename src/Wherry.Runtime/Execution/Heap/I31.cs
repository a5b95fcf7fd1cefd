namespace Wherry.Execution.Heap;

/// <summary>
/// A 31-bit integer as a reference (specification, 4.2.2). The CLR has no tagged pointers, so each is a small object; the common ones are made once.
/// Two with the same value are equal references, see <see cref="HeapInstructions.ReferencesAreEqual"/>.
/// </summary>
internal sealed class I31
{
    private const int CachedFrom = -128;
    private const int CachedCount = 1024 + 128;

    private static readonly I31[] Cache = CreateCache();

    private I31(int value) => Value = value;

    /// <summary>The value, sign-extended from 31 bits.</summary>
    public readonly int Value;

    /// <summary>The value modulo 2^31.</summary>
    public static I31 Create(int value)
    {
        int signed = value << 1 >> 1;
        uint index = (uint)(signed - CachedFrom);
        I31[] cache = Cache;
        return index < (uint)cache.Length ? cache[index] : new I31(signed);
    }

    public override bool Equals(object? obj) => obj is I31 other && other.Value == Value;

    public override int GetHashCode() => Value;

    public override string ToString() => $"i31 {Value}";

    private static I31[] CreateCache()
    {
        var cache = new I31[CachedCount];
        for (int i = 0; i < cache.Length; i++)
        {
            cache[i] = new I31(i + CachedFrom);
        }

        return cache;
    }
}
