using System.Buffers.Binary;

namespace Wherry.Spec.Tests.Wast;

/// <summary>Numbers are rounded to the nearest, and out of range ones refused.</summary>
public class TextNumberTests
{
    [Theory]
    [InlineData("0x1p+0", 0x3F800000u)]
    [InlineData("-0x0.0p-1", 0x80000000u)]
    [InlineData("0x1.fffffep127", 0x7F7FFFFFu)]
    [InlineData("0x1.fffffeffffffffffp127", 0x7F7FFFFFu)]
    [InlineData("0x1p-149", 0x00000001u)]
    [InlineData("0x1p-150", 0x00000000u)]
    [InlineData("0x1.000000000000000000001p-150", 0x00000001u)]
    [InlineData("0x1.0000010000000000000000001p0", 0x3F800001u)]
    [InlineData("0x1.000001p0", 0x3F800000u)]
    [InlineData("0x1.000003p0", 0x3F800002u)]
    [InlineData("0x1_0.8p-4", 0x3F840000u)]
    [InlineData("1e-45", 0x00000001u)]
    [InlineData("340282346638528859811704183484516925440", 0x7F7FFFFFu)]
    [InlineData("-inf", 0xFF800000u)]
    [InlineData("nan", 0x7FC00000u)]
    [InlineData("-nan:0x1", 0xFF800001u)]
    public void Floats_of_32_bits(string text, uint bits) =>
        Assert.Equal(bits, BinaryPrimitives.ReadUInt32LittleEndian(Constant($"(f32.const {text})")));

    [Theory]
    [InlineData("0x1.fffffffffffffp1023", 0x7FEFFFFFFFFFFFFFul)]
    [InlineData("0x0.0000000000001p-1022", 1ul)]
    [InlineData("0x0.00000000000008p-1022", 0ul)]
    [InlineData("0x0.00000000000018p-1022", 2ul)]
    [InlineData("0x1.00000000000008p0", 0x3FF0000000000000ul)]
    [InlineData("0x1.000000000000080000000000000000001p0", 0x3FF0000000000001ul)]
    [InlineData("4.9e-324", 1ul)]
    [InlineData("nan:0xfffffffffffff", 0x7FFFFFFFFFFFFFFFul)]
    public void Floats_of_64_bits(string text, ulong bits) =>
        Assert.Equal(bits, BinaryPrimitives.ReadUInt64LittleEndian(Constant($"(f64.const {text})")));

    [Theory]
    [InlineData("f32.const 0x1p128")]
    [InlineData("f32.const 0x1.ffffffp127")]
    [InlineData("f32.const 3.5e38")]
    [InlineData("f32.const nan:0x0")]
    [InlineData("f32.const nan:0x800000")]
    [InlineData("f64.const 1e309")]
    [InlineData("f64.const 0x1p1000000000000000000000")]
    [InlineData("i32.const -2147483649")]
    [InlineData("i32.const 0x1_0000_0000")]
    [InlineData("i64.const 18446744073709551616")]
    [InlineData("i64.const 0x1_0000_0000_0000_0000_0000")]
    public void Numbers_out_of_range(string instruction)
    {
        TextFormatException error = Assert.Throws<TextFormatException>(() => WatConverter.ToBinary($"(func ({instruction}) drop)"));
        Assert.StartsWith("constant out of range", error.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1_")]
    [InlineData("0x")]
    [InlineData("_1")]
    [InlineData("1__0")]
    [InlineData("0xg")]
    [InlineData("+-1")]
    [InlineData("1e")]
    [InlineData("0x1p")]
    [InlineData(".5")]
    public void What_is_no_number(string text)
    {
        TextFormatException error = Assert.Throws<TextFormatException>(() => WatConverter.ToBinary($"(func (f64.const {text}) drop)"));
        Assert.StartsWith("unknown operator", error.Reason, StringComparison.Ordinal);
    }

    /// <summary>What follows the opcode of the only instruction of the only global.</summary>
    private static ReadOnlySpan<byte> Constant(string instruction)
    {
        string type = instruction.Substring(1, 3);
        byte[] module = WatConverter.ToBinary($"(global {type} {instruction})");

        // Header, section id and length, count, type, mutability, opcode.
        return module.AsSpan(8 + 2 + 1 + 2 + 1);
    }
}
