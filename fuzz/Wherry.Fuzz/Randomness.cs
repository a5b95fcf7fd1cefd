using System.Numerics;

namespace Wherry.Fuzz;

/// <summary>Random numbers that are the same for a seed on every machine and with every version of .NET.</summary>
internal sealed class Randomness(ulong seed)
{
    private ulong _state = seed;

    /// <summary>A seed for one of many inputs of a run.</summary>
    public static ulong Mix(ulong seed, ulong index)
    {
        var random = new Randomness(seed ^ (index * 0x9E37_79B9_7F4A_7C15));
        _ = random.NextU64();
        return random.NextU64();
    }

    // SplitMix64.
    public ulong NextU64()
    {
        ulong z = _state += 0x9E37_79B9_7F4A_7C15;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }

    /// <summary>From 0 to one less than the bound.</summary>
    public int Next(int bound) => (int)Math.BigMul(NextU64(), (ulong)bound, out _);

    /// <summary>Both ends included.</summary>
    public int Next(int first, int last) => first + Next(last - first + 1);

    /// <summary>True once in so many times.</summary>
    public bool OneIn(int count) => Next(count) == 0;

    public T Pick<T>(IReadOnlyList<T> items) => items[Next(items.Count)];

    public byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++)
        {
            bytes[i] = (byte)NextU64();
        }

        return bytes;
    }

    /// <summary>An integer that is often at an edge: 0, -1, a power of two or next to one, the smallest, the largest.</summary>
    public ulong EdgeInteger(int bits)
    {
        ulong value = Next(8) switch
        {
            0 => 0,
            1 => ulong.MaxValue,
            2 => 1UL << Next(bits),
            3 => (1UL << Next(bits)) - 1,
            4 => ~(1UL << Next(bits)),
            5 => (ulong)Next(256),
            6 => BitOperations.RotateRight(NextU64(), Next(64)) >> Next(64),
            _ => NextU64(),
        };
        return bits == 64 ? value : value & ((1UL << bits) - 1);
    }
}
