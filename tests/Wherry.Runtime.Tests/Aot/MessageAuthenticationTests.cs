using System.Security.Cryptography;
using System.Text;
using Wherry.Aot;

namespace Wherry.Tests.Aot;

public class MessageAuthenticationTests
{
    // FIPS 180-4's examples, and NIST's of a million letters.
    [Theory]
    [InlineData("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")]
    [InlineData("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")]
    public void Hash(string text, int count, string expected)
    {
        var hash = new Sha256();
        for (int i = 0; i < count; i++)
        {
            hash.Append(Encoding.ASCII.GetBytes(text));
        }

        var result = new byte[Sha256.Size];
        hash.Finish(result);
        Assert.Equal(expected, Convert.ToHexStringLower(result));
    }

    // RFC 4231, test cases 1 to 4.
    [Theory]
    [InlineData("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")]
    [InlineData("4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")]
    [InlineData(
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe")]
    [InlineData(
        "0102030405060708090a0b0c0d0e0f10111213141516171819",
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b")]
    public void Mac(string key, string data, string expected)
    {
        var mac = new byte[Sha256.Size];
        MessageAuthentication.Compute(Convert.FromHexString(key), Convert.FromHexString(data), mac);
        Assert.Equal(expected, Convert.ToHexStringLower(mac));
    }

    [Fact]
    public void A_key_longer_than_a_block_is_refused()
    {
        var mac = new byte[Sha256.Size];
        MessageAuthentication.Compute(new byte[64], [], mac);
        Assert.Equal(HMACSHA256.HashData(new byte[64], Array.Empty<byte>()), mac);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => MessageAuthentication.Compute(new byte[65], [], mac));
    }

    [Fact]
    public void Macs_are_those_of_the_framework_whatever_the_size()
    {
        var random = new Random(1);
        var key = new byte[32];
        random.NextBytes(key);
        int[] sizes = [.. Enumerable.Range(0, 300), 4095, 100_001, MessageAuthentication.LargeSize - 1, MessageAuthentication.LargeSize, MessageAuthentication.LargeSize + 1];
        foreach (int size in sizes)
        {
            var data = new byte[size];
            random.NextBytes(data);
            var mac = new byte[Sha256.Size];
            MessageAuthentication.Compute(key, data, mac);
            Assert.Equal(HMACSHA256.HashData(key, data), mac);
        }
    }

    [Fact]
    public void Equal_is_what_has_the_same_bytes()
    {
        byte[] mac = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        Assert.True(MessageAuthentication.AreEqual(mac, [.. mac]));
        Assert.False(MessageAuthentication.AreEqual(mac, mac.AsSpan(0, 31)));
        for (int bit = 0; bit < 256; bit++)
        {
            byte[] other = [.. mac];
            other[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(MessageAuthentication.AreEqual(mac, other));
        }
    }
}
