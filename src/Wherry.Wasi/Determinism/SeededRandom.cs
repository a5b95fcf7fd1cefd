using System.Buffers.Binary;
using System.Numerics;

namespace Wherry.Wasi.Determinism;

/// <summary>
/// The random bytes of a deterministic guest: xoshiro256** (Blackman and Vigna), its state made of the seed by SplitMix64, eight bytes at a time, the least significant first. What is left over at the
/// end of a request is dropped. Whoever knows the seed knows them all.
/// </summary>
internal sealed class SeededRandom
{
    private ulong _state0;
    private ulong _state1;
    private ulong _state2;
    private ulong _state3;

    public SeededRandom(ulong seed)
    {
        _state0 = Mix(ref seed);
        _state1 = Mix(ref seed);
        _state2 = Mix(ref seed);
        _state3 = Mix(ref seed);
    }

    public void Fill(Span<byte> buffer)
    {
        for (; buffer.Length >= sizeof(ulong); buffer = buffer[sizeof(ulong)..])
        {
            BinaryPrimitives.WriteUInt64LittleEndian(buffer, Next());
        }

        if (buffer.Length > 0)
        {
            Span<byte> last = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(last, Next());
            last[..buffer.Length].CopyTo(buffer);
        }
    }

    private static ulong Mix(ref ulong state)
    {
        ulong value = state += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    private ulong Next()
    {
        ulong result = BitOperations.RotateLeft(_state1 * 5, 7) * 9;
        ulong shifted = _state1 << 17;
        _state2 ^= _state0;
        _state3 ^= _state1;
        _state1 ^= _state2;
        _state0 ^= _state3;
        _state2 ^= shifted;
        _state3 = BitOperations.RotateLeft(_state3, 45);
        return result;
    }
}
