using System.Numerics;

namespace Wherry.Compilation.Outlining;

/// <summary>A set of a function's locals.</summary>
internal sealed class LocalSet(int count)
{
    private readonly ulong[] _bits = new ulong[(count + 63) / 64];

    public bool this[int local]
    {
        get => (_bits[local >> 6] >> local & 1) != 0;
        set
        {
            ulong bit = 1UL << local;
            _bits[local >> 6] = value ? _bits[local >> 6] | bit : _bits[local >> 6] & ~bit;
        }
    }

    public void Clear() => Array.Clear(_bits);

    public void CopyFrom(LocalSet other) => other._bits.CopyTo(_bits, 0);

    /// <summary>Adds the other's; whether there were any new ones.</summary>
    public bool UnionWith(LocalSet other)
    {
        ulong added = 0;
        for (int i = 0; i < _bits.Length; i++)
        {
            added |= other._bits[i] & ~_bits[i];
            _bits[i] |= other._bits[i];
        }

        return added != 0;
    }

    public void IntersectWith(LocalSet other)
    {
        for (int i = 0; i < _bits.Length; i++)
        {
            _bits[i] &= other._bits[i];
        }
    }

    public int[] ToArray()
    {
        var locals = new List<int>();
        for (int i = 0; i < _bits.Length; i++)
        {
            for (ulong bits = _bits[i]; bits != 0; bits &= bits - 1)
            {
                locals.Add((i * 64) + BitOperations.TrailingZeroCount(bits));
            }
        }

        return [.. locals];
    }
}
