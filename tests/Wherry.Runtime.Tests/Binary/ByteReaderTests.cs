using Wherry.Binary;

namespace Wherry.Tests.Binary;

public class ByteReaderTests
{
    [Theory]
    [InlineData("00", 0u)]
    [InlineData("7f", 127u)]
    [InlineData("8000", 0u)]
    [InlineData("e58e26", 624485u)]
    [InlineData("ffffffff0f", uint.MaxValue)]
    [InlineData("8080808000", 0u)]
    public void Unsigned_integers_of_32_bits(string hex, uint expected)
    {
        var reader = Reader(hex);
        Assert.Equal(expected, reader.ReadU32());
        Assert.True(reader.IsAtEnd);
    }

    [Theory]
    [InlineData("00", 0)]
    [InlineData("3f", 63)]
    [InlineData("40", -64)]
    [InlineData("7f", -1)]
    [InlineData("ff7f", -1)]
    [InlineData("c0bb78", -123456)]
    [InlineData("ffffffff07", int.MaxValue)]
    [InlineData("8080808078", int.MinValue)]
    [InlineData("ffffffff7f", -1)]
    public void Signed_integers_of_32_bits(string hex, int expected)
    {
        var reader = Reader(hex);
        Assert.Equal(expected, reader.ReadS32());
        Assert.True(reader.IsAtEnd);
    }

    [Theory]
    [InlineData("ffffffffffffffffff00", long.MaxValue)]
    [InlineData("8080808080808080807f", long.MinValue)]
    [InlineData("ffffffffffffffffff7f", -1L)]
    [InlineData("40", -64L)]
    public void Signed_integers_of_64_bits(string hex, long expected)
    {
        var reader = Reader(hex);
        Assert.Equal(expected, reader.ReadS64());
        Assert.True(reader.IsAtEnd);
    }

    [Theory]
    [InlineData("ffffffff0f", uint.MaxValue)]
    [InlineData("8080808070", -(1L << 32))]
    [InlineData("40", -64L)]
    public void Signed_integers_of_33_bits(string hex, long expected)
    {
        var reader = Reader(hex);
        Assert.Equal(expected, reader.ReadS33());
        Assert.True(reader.IsAtEnd);
    }

    [Theory]
    [InlineData("u32", "808080808000", "integer representation too long")]
    [InlineData("u32", "8080808070", "integer too large")]
    [InlineData("u32", "8080808010", "integer too large")]
    [InlineData("u32", "80", "unexpected end")]
    [InlineData("u32", "", "unexpected end")]
    [InlineData("u64", "8080808080808080808000", "integer representation too long")]
    [InlineData("u64", "80808080808080808002", "integer too large")]
    [InlineData("s32", "808080808000", "integer representation too long")]
    [InlineData("s32", "8080808070", "integer too large")]
    [InlineData("s32", "ffffffff0f", "integer too large")]
    [InlineData("s32", "808080801f", "integer too large")]
    [InlineData("s33", "ffffffff1f", "integer too large")]
    [InlineData("s64", "8080808080808080807e", "integer too large")]
    [InlineData("s64", "ffffffffffffffffff01", "integer too large")]
    [InlineData("s64", "8080808080808080808000", "integer representation too long")]
    public void Integers_that_are_malformed(string kind, string hex, string expected)
    {
        MalformedModuleException exception = Assert.Throws<MalformedModuleException>(() =>
        {
            var reader = Reader(hex);
            _ = kind switch
            {
                "u32" => reader.ReadU32(),
                "u64" => (long)reader.ReadU64(),
                "s32" => reader.ReadS32(),
                "s33" => reader.ReadS33(),
                _ => reader.ReadS64(),
            };
        });
        Assert.StartsWith(expected, exception.Message);
    }

    [Theory]
    [InlineData("0161", "a")]
    [InlineData("00", "")]
    [InlineData("02c3a9", "é")]
    [InlineData("04f09f9a80", "🚀")]
    public void Names(string hex, string expected) => Assert.Equal(expected, Reader(hex).ReadName(100));

    [Theory]
    [InlineData("0180", "malformed UTF-8 encoding")]
    [InlineData("02c080", "malformed UTF-8 encoding")]
    [InlineData("03eda080", "malformed UTF-8 encoding")]
    [InlineData("04f4908080", "malformed UTF-8 encoding")]
    [InlineData("0261", "length out of bounds")]
    public void Names_that_are_malformed(string hex, string expected) =>
        Assert.StartsWith(expected, Assert.Throws<MalformedModuleException>(() => Reader(hex).ReadName(100)).Message);

    [Fact]
    public void An_index_beyond_int_is_one_that_no_index_space_reaches() => Assert.Equal(int.MaxValue, Reader("ffffffff0f").ReadIndex());

    [Fact]
    public void A_count_beyond_the_bytes_left_is_refused() =>
        Assert.StartsWith("unexpected end", Assert.Throws<MalformedModuleException>(() => Reader("0500000000").ReadCount()).Message);

    private static ByteReader Reader(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex);
        return new ByteReader(bytes, 0, bytes.Length);
    }
}
