namespace Wherry.Text;

/// <summary>The lanes of <c>v128.const</c>: a shape, then numbers.</summary>
internal static class VectorLiteral
{
    /// <summary>Lanes, bits of a lane and whether lanes are floats, of the shape here; moves behind it.</summary>
    public static (int Lanes, int Bits, bool IsFloat) ReadShape(TokenCursor at)
    {
        if (at.TryKeyword("i8x16"u8))
        {
            return (16, 8, false);
        }

        if (at.TryKeyword("i16x8"u8))
        {
            return (8, 16, false);
        }

        if (at.TryKeyword("i32x4"u8))
        {
            return (4, 32, false);
        }

        if (at.TryKeyword("i64x2"u8))
        {
            return (2, 64, false);
        }

        if (at.TryKeyword("f32x4"u8))
        {
            return (4, 32, true);
        }

        return at.TryKeyword("f64x2"u8) ? (2, 64, true) : throw at.Unexpected(expected: "a shape such as i32x4");
    }

    public static void Read(TokenCursor at, ByteWriter output)
    {
        (int lanes, int bits, bool isFloat) = ReadShape(at);
        CheckCount(at, lanes);
        for (int i = 0; i < lanes; i++)
        {
            ulong lane = !isFloat ? at.Integer(bits) : bits == 32 ? at.Float32() : at.Float64();
            for (int shift = 0; shift < bits; shift += 8)
            {
                output.Byte((byte)(lane >> shift));
            }
        }
    }

    private static void CheckCount(TokenCursor at, int lanes)
    {
        int count = 0;
        while (at.At(at.Position + count).Kind is TokenKind.Natural or TokenKind.Integer or TokenKind.Float)
        {
            count++;
        }

        ref readonly Token next = ref at.At(at.Position + count);
        if (count < lanes && next.Kind is not (TokenKind.RightParenthesis or TokenKind.LeftParenthesis) && !(next.Kind == TokenKind.Keyword && Keywords.Find(at.Source.Text(next)) is not null))
        {
            throw at.Unexpected(next);
        }

        if (count != lanes)
        {
            at.Fail(at.Current, $"wrong number of lane literals: {lanes} are needed, {count} are given");
        }
    }
}
