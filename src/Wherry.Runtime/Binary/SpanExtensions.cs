namespace Wherry.Binary;

/// <summary>What spans lack.</summary>
internal static class SpanExtensions
{
    /// <summary>Sets all elements. <see cref="Span{T}.Fill"/> does so by vectors, of which there is no precompiled code: each type costs the JIT a millisecond at start.</summary>
    public static void SetAll<T>(this Span<T> span, T value)
        where T : unmanaged
    {
        foreach (ref T element in span)
        {
            element = value;
        }
    }
}
