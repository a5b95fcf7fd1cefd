namespace Wherry.Tests.Binary;

/// <summary>Writes small modules byte by byte, good ones and bad ones.</summary>
internal sealed class ModuleBuilder
{
    private readonly List<byte> _bytes = [0, (byte)'a', (byte)'s', (byte)'m', 1, 0, 0, 0];

    public static byte[] Leb(ulong value)
    {
        List<byte> bytes = [];
        do
        {
            byte part = (byte)(value & 0x7F);
            value >>= 7;
            bytes.Add((byte)(value == 0 ? part : part | 0x80));
        }
        while (value != 0);
        return [.. bytes];
    }

    /// <summary>A type index where a heap type stands: a signed integer.</summary>
    public static byte[] SignedLeb(ulong index)
    {
        byte[] bytes = Leb(index);
        return bytes[^1] < 0x40 ? bytes : [.. bytes[..^1], (byte)(bytes[^1] | 0x80), 0];
    }

    /// <summary>A vector: its count, then its elements.</summary>
    public static byte[] Vector(params byte[][] elements) => [.. Leb((ulong)elements.Length), .. elements.SelectMany(element => element)];

    public static byte[] Name(string name) => [.. Leb((ulong)name.Length), .. System.Text.Encoding.ASCII.GetBytes(name)];

    /// <summary>A function body: size, locals, code.</summary>
    public static byte[] Body(byte[] locals, params byte[] code) => [.. Leb((ulong)(locals.Length + code.Length)), .. locals, .. code];

    public static byte[] FunctionType(byte[] parameters, byte[] results) =>
        [0x60, .. Leb((ulong)parameters.Length), .. parameters, .. Leb((ulong)results.Length), .. results];

    public ModuleBuilder Section(byte id, params byte[] content)
    {
        _bytes.Add(id);
        _bytes.AddRange(Leb((ulong)content.Length));
        _bytes.AddRange(content);
        return this;
    }

    public byte[] Build() => [.. _bytes];

    /// <summary>One function without parameters or results, with this code.</summary>
    public static byte[] WithCode(params byte[] code) => new ModuleBuilder()
        .Section(1, Vector(FunctionType([], [])))
        .Section(3, Vector([0]))
        .Section(10, Vector(Body([0], code)))
        .Build();
}
