using System.Buffers.Binary;

namespace Wherry.Fuzz.Generation;

/// <summary>Floats and vectors that are often at an edge.</summary>
internal static class EdgeFloats
{
    private static readonly double[] Interesting =
    [
        0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994, 4503599627370496.5, 9007199254740993, 2147483647, 2147483648, -2147483648, -2147483649, 4294967295, 4294967296,
        9223372036854775807, 9223372036854775808, -9223372036854775808, 18446744073709551615, 18446744073709549568, 3.4028234663852886e38, 1e39, double.MaxValue, double.Epsilon,
        1.1754943508222875e-38, 1e-45, double.PositiveInfinity, double.NegativeInfinity, double.NaN, 16777217, -0.9999999, 255.5, 65535.5,
    ];

    public static uint Single(Randomness random) => random.Next(4) switch
    {
        0 => (uint)random.NextU64(),
        1 => BitConverter.SingleToUInt32Bits(random.Next(-100, 100) * 0.5f),
        _ => Canonical(BitConverter.SingleToUInt32Bits((float)random.Pick(Interesting))),
    };

    public static ulong Double(Randomness random) => random.Next(4) switch
    {
        0 => random.NextU64(),
        1 => BitConverter.DoubleToUInt64Bits(random.Next(-1000, 1000) * 0.25),
        _ => Canonical(BitConverter.DoubleToUInt64Bits(random.Pick(Interesting))),
    };

    public static byte[] Vector(Randomness random)
    {
        byte[] bytes = new byte[16];
        switch (random.Next(5))
        {
            case 0:
                return random.Bytes(16);
            case 1:
                for (int i = 0; i < 16; i++)
                {
                    bytes[i] = (byte)random.EdgeInteger(8);
                }

                break;
            case 2:
                for (int i = 0; i < 16; i += 2)
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(i), (ushort)random.EdgeInteger(16));
                }

                break;
            case 3:
                for (int i = 0; i < 16; i += 4)
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i), random.OneIn(2) ? Single(random) : (uint)random.EdgeInteger(32));
                }

                break;
            default:
                for (int i = 0; i < 16; i += 8)
                {
                    BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i), random.OneIn(2) ? Double(random) : random.EdgeInteger(64));
                }

                break;
        }

        return bytes;
    }

    // .NET's NaN is negative.
    private static uint Canonical(uint bits) => (bits & 0x7FFF_FFFF) > 0x7F80_0000 ? 0x7FC0_0000 : bits;

    private static ulong Canonical(ulong bits) => (bits & long.MaxValue) > 0x7FF0_0000_0000_0000 ? 0x7FF8_0000_0000_0000 : bits;
}
