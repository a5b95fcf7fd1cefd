using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Wherry.Aot;

/// <summary>
/// HMAC-SHA-256 (RFC 2104). Small files are done by <see cref="Sha256"/>, since .NET takes its own from OpenSSL, which is slower to load than they are to hash (docs/RATIONALE.md,
/// "Small files are authenticated without OpenSSL").
/// </summary>
internal static class MessageAuthentication
{
    /// <summary>Bytes from which on OpenSSL is worth loading.</summary>
    public const int LargeSize = 1 << 20;

    private const int BlockSize = 64;

    /// <param name="key">At most 64 bytes.</param>
    /// <param name="data">What is authenticated.</param>
    /// <param name="mac">32 bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The key is longer: RFC 2104 would have it hashed first, which nothing here needs.</exception>
    public static void Compute(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(key.Length, BlockSize, nameof(key));
        if (data.Length >= LargeSize)
        {
            ComputeByFramework(key, data, mac);
            return;
        }

        Span<byte> block = stackalloc byte[BlockSize];
        var inner = new Sha256();
        inner.Append(Pad(key, 0x36, block));
        inner.Append(data);
        Span<byte> hash = stackalloc byte[Sha256.Size];
        inner.Finish(hash);
        var outer = new Sha256();
        outer.Append(Pad(key, 0x5C, block));
        outer.Append(hash);
        outer.Finish(mac);
    }

    /// <summary>Compares MACs in a time that does not tell where they differ.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    public static bool AreEqual(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        int difference = left.Length ^ right.Length;
        for (int i = 0; i < Math.Min(left.Length, right.Length); i++)
        {
            difference |= left[i] ^ right[i];
        }

        return difference == 0;
    }

    // Apart, so that its assembly is loaded only for it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ComputeByFramework(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac) => HMACSHA256.HashData(key, data, mac);

    private static Span<byte> Pad(ReadOnlySpan<byte> key, byte pad, Span<byte> block)
    {
        for (int i = 0; i < block.Length; i++)
        {
            block[i] = (byte)((i < key.Length ? key[i] : 0) ^ pad);
        }

        return block;
    }
}
