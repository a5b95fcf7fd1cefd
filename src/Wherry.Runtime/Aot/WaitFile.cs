using System.Buffers.Binary;
using System.Text;

namespace Wherry.Aot;

/// <summary>
/// A file with the functions of a module that were found below a wait, beside its native code in a cache. It starts with a name and the size of what says what it is for (the identity as lines of text); the functions' indices follow,
/// and a MAC over all before it.
/// </summary>
internal static class WaitFile
{
    private const int HeaderSize = 12;
    private const int MacSize = 32;

    private static ReadOnlySpan<byte> Magic => "Wherrywt"u8;

    public static byte[] Write(IReadOnlyCollection<int> functions, CodeIdentity identity, byte[] key)
    {
        byte[] text = Encoding.UTF8.GetBytes(identity.ToText());
        var bytes = new byte[HeaderSize + text.Length + (functions.Count * sizeof(int)) + MacSize];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(Magic.Length), text.Length);
        text.CopyTo(bytes, HeaderSize);
        Span<byte> rest = bytes.AsSpan(HeaderSize + text.Length);
        foreach (int function in functions)
        {
            BinaryPrimitives.WriteInt32LittleEndian(rest, function);
            rest = rest[sizeof(int)..];
        }

        MessageAuthentication.Compute(key, bytes.AsSpan(0, bytes.Length - MacSize), rest);
        return bytes;
    }

    /// <summary>The functions, if someone who has the key wrote them for this; null if not.</summary>
    public static int[]? TryRead(ReadOnlySpan<byte> bytes, CodeIdentity identity, byte[] key)
    {
        byte[] text = Encoding.UTF8.GetBytes(identity.ToText());
        int size = bytes.Length - HeaderSize - text.Length - MacSize;
        if (size < 0 || size % sizeof(int) != 0 || !bytes.StartsWith(Magic))
        {
            return null;
        }

        Span<byte> mac = stackalloc byte[MacSize];
        MessageAuthentication.Compute(key, bytes[..^MacSize], mac);
        if (!MessageAuthentication.AreEqual(mac, bytes[^MacSize..])
            || BinaryPrimitives.ReadInt32LittleEndian(bytes[Magic.Length..]) != text.Length || !bytes.Slice(HeaderSize, text.Length).SequenceEqual(text))
        {
            return null;
        }

        var functions = new int[size / sizeof(int)];
        for (int i = 0; i < functions.Length; i++)
        {
            functions[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes[(HeaderSize + text.Length + (i * sizeof(int)))..]);
        }

        return functions;
    }
}
