using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Wherry.Aot;

/// <summary>
/// A file of precompiled code: the assembly, the module (in a cache: none), the identity as lines of text, and a footer with the sizes of these and a MAC
/// over all before it. The assembly comes first, so that the runtime can load the file as it is.
/// </summary>
internal sealed class PrecompiledFile
{
    private const int Version = 1;
    private const int FooterSize = 64;
    private const int MacSize = 32;
    private const int MacDistance = MacSize + 8;

    private readonly ReadOnlyMemory<byte> _bytes;

    private PrecompiledFile(ReadOnlyMemory<byte> bytes, ReadOnlyMemory<byte> assembly, ReadOnlyMemory<byte> module, CodeIdentity identity)
    {
        _bytes = bytes;
        Assembly = assembly;
        Module = module;
        Identity = identity;
    }

    private static ReadOnlySpan<byte> Magic => "WherryAO"u8;

    public ReadOnlyMemory<byte> Assembly { get; }

    public ReadOnlyMemory<byte> Module { get; }

    public CodeIdentity Identity { get; }

    /// <summary>Whether the bytes claim to be such a file.</summary>
    public static bool IsOne(ReadOnlySpan<byte> bytes) => bytes.Length > FooterSize && bytes.EndsWith(Magic) && bytes.StartsWith("MZ"u8);

    /// <summary>Whether bytes that are not such a file seem to be what is left of one: the head of its assembly, or its end.</summary>
    public static bool IsRest(ReadOnlySpan<byte> bytes) => !IsOne(bytes) && (bytes.EndsWith(Magic) || (bytes.StartsWith("MZ"u8) && bytes.IndexOf(Encoding.UTF8.GetBytes(SavedModule.AssemblyName)) >= 0));

    /// <param name="key">The key of the MAC, or null to write a file that nobody vouches for.</param>
    public static byte[] Write(ReadOnlySpan<byte> assembly, ReadOnlySpan<byte> module, CodeIdentity identity, byte[]? key)
    {
        byte[] header = Encoding.UTF8.GetBytes(identity.ToText());
        var bytes = new byte[assembly.Length + module.Length + header.Length + FooterSize];
        Span<byte> rest = bytes;
        assembly.CopyTo(rest);
        rest = rest[assembly.Length..];
        module.CopyTo(rest);
        rest = rest[module.Length..];
        header.CopyTo(rest);
        rest = rest[header.Length..];
        BinaryPrimitives.WriteInt64LittleEndian(rest, assembly.Length);
        BinaryPrimitives.WriteInt64LittleEndian(rest[8..], module.Length);
        BinaryPrimitives.WriteInt32LittleEndian(rest[16..], header.Length);
        BinaryPrimitives.WriteInt32LittleEndian(rest[20..], Version);
        if (key is not null)
        {
            MessageAuthentication.Compute(key, bytes.AsSpan(0, bytes.Length - MacDistance), rest.Slice(24, MacSize));
        }

        Magic.CopyTo(rest[^8..]);
        return bytes;
    }

    /// <summary>Reads the parts. Nothing of it may be believed before the MAC is checked, or the user said so.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out PrecompiledFile? file)
    {
        file = null;
        if (!IsOne(bytes.Span))
        {
            return false;
        }

        ReadOnlySpan<byte> footer = bytes.Span[^FooterSize..];
        long assembly = BinaryPrimitives.ReadInt64LittleEndian(footer);
        long module = BinaryPrimitives.ReadInt64LittleEndian(footer[8..]);
        long header = BinaryPrimitives.ReadInt32LittleEndian(footer[16..]);
        long available = bytes.Length - FooterSize;
        if (BinaryPrimitives.ReadInt32LittleEndian(footer[20..]) != Version
            || assembly < 0 || assembly > available || module < 0 || module > available || header < 0 || assembly + module + header != available)
        {
            return false;
        }

        ReadOnlySpan<byte> text = bytes.Span.Slice((int)(assembly + module), (int)header);
        CodeIdentity? identity = CodeIdentity.FromText(AsciiText.TryDecode(text) ?? Encoding.UTF8.GetString(text));
        file = identity is null ? null : new PrecompiledFile(bytes, bytes[..(int)assembly], bytes.Slice((int)assembly, (int)module), identity);
        return file is not null;
    }

    /// <summary>Whether someone who has the key made the file as it is.</summary>
    public bool IsAuthentic(byte[] key)
    {
        ReadOnlySpan<byte> bytes = _bytes.Span;
        Span<byte> mac = stackalloc byte[MacSize];
        MessageAuthentication.Compute(key, bytes[..^MacDistance], mac);
        return MessageAuthentication.AreEqual(mac, bytes[^MacDistance..^8]);
    }
}
