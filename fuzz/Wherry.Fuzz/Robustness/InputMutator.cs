using System.Text;

namespace Wherry.Fuzz.Robustness;

/// <summary>Damages seeds: flips bits, cuts, splices, repeats and removes ranges, changes lengths and numbers.</summary>
internal sealed class InputMutator(IReadOnlyList<Seed> seeds)
{
    private static readonly byte[][] Lengths =
    [
        [0x00], [0x01], [0x7F], [0x80, 0x00], [0xFF, 0x7F], [0x80, 0x80, 0x04], [0xFF, 0xFF, 0x03], [0xC0, 0x84, 0x3D],
        [0xFF, 0xFF, 0xFF, 0xFF, 0x07], [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0x80, 0x80, 0x80, 0x80, 0x10], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    ];

    private static readonly string[] Words =
    [
        "(", ")", "\"", "(;", ";)", ";;", "\n", "(@custom ", "(@name \"x\")", "0x", "nan:0x", "inf", "-", "4294967295", "4294967296", "18446744073709551616",
        "1e400", "0x1p-1075", "$", "$\"\\00\"", "\"\\u{110000}\"", "\"\\ff\"", "(module ", "(func ", "(param i32)", "(result i32)", "(type 0)", "(type 99999999999)",
        "(ref null 0)", "(rec ", "(sub final 0 ", "block", "end", "else", "(then ", "try_table", "(catch 0 0)", "delegate 0", "i64", "(memory 1)", "(table 1 funcref)",
        "(pagesize 1)", "shared", "(export \"a\")", "(import \"a\" \"b\")", "v128.const i8x16", "br_table 0 0 0", "(array.new_fixed 0 4294967295)", "\u00E4\u4E2D", "\0",
    ];

    /// <summary>One input of a run.</summary>
    public Seed Create(ulong runSeed, int index)
    {
        var random = new Randomness(Randomness.Mix(runSeed, (ulong)index));
        Seed seed = random.Pick(seeds);

        // Inputs from large modules are slow: a third of them are enough.
        if (seed.Bytes.Length > 20_000 && !random.OneIn(3))
        {
            seed = random.Pick(seeds);
        }

        List<byte> bytes = [.. seed.Bytes];
        int count = random.OneIn(3) ? random.Next(2, 5) : 1;
        for (int i = 0; i < count; i++)
        {
            Change(bytes, seed.Kind, random);
        }

        return seed with { Bytes = [.. bytes] };
    }

    private void Change(List<byte> bytes, InputKind kind, Randomness random)
    {
        int place = bytes.Count == 0 ? 0 : random.Next(bytes.Count);
        if (random.OneIn(2) && bytes.Count > 0)
        {
            // What is damaged little gets far: past the decoder, past the parser.
            ChangeLittle(bytes, kind, place, random);
            return;
        }

        switch (random.Next(kind == InputKind.Binary ? 10 : 12))
        {
            case 0 or 1 when bytes.Count > 0:
                for (int i = random.Next(1, 8); i > 0; i--)
                {
                    bytes[random.Next(bytes.Count)] ^= (byte)(1 << random.Next(8));
                }

                break;
            case 2 when bytes.Count > 0:
                bytes[place] = (byte)random.EdgeInteger(8);
                break;
            case 3:
                bytes.RemoveRange(place, bytes.Count - place);
                break;
            case 4:
                bytes.RemoveRange(place, Math.Min(RangeLength(random), bytes.Count - place));
                break;
            case 5:
                List<byte> range = bytes.GetRange(place, Math.Min(RangeLength(random), bytes.Count - place));
                for (int i = Repetitions(range.Count, random); i > 0; i--)
                {
                    bytes.InsertRange(place, range);
                }

                break;
            case 6:
                Splice(bytes, place, kind, random);
                break;
            case 7 when kind == InputKind.Binary:
                ReplaceLength(bytes, place, random.Pick(Lengths));
                break;
            case 8 when kind == InputKind.Binary:
                bytes.InsertRange(place, random.Pick(Lengths));
                break;
            case 9 when kind == InputKind.Binary:
                DamageSections(bytes, random);
                break;
            case >= 7:
                byte[] word = Encoding.UTF8.GetBytes(random.Pick(Words));
                place = TokenStart(bytes, place);
                for (int i = Repetitions(word.Length, random); i > 0; i--)
                {
                    bytes.InsertRange(place, word);
                }

                break;
        }
    }

    private static void ChangeLittle(List<byte> bytes, InputKind kind, int place, Randomness random)
    {
        if (kind != InputKind.Binary && !random.OneIn(8))
        {
            // One word or number of the text in the place of another.
            int start = TokenStart(bytes, place);
            int from = TokenStart(bytes, random.Next(bytes.Count));
            List<byte> token = bytes.GetRange(from, TokenEnd(bytes, from) - from);
            bytes.RemoveRange(start, TokenEnd(bytes, start) - start);
            bytes.InsertRange(start, token);
            return;
        }

        switch (random.Next(3))
        {
            case 0:
                bytes[place] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                bytes[place] += (byte)(random.OneIn(2) ? 1 : -1);
                break;
            default:
                bytes[place] = bytes[random.Next(bytes.Count)];
                break;
        }
    }

    /// <summary>Mostly short, so that most of the input stays as it was.</summary>
    private static int RangeLength(Randomness random) => 1 << random.Next(1, random.OneIn(4) ? 12 : 5);

    /// <summary>Mostly once; sometimes up to a hundred kilobytes of it.</summary>
    private static int Repetitions(int length, Randomness random) => random.OneIn(20) ? random.Next(1, 100_000 / Math.Max(1, length)) : random.Next(1, 3);

    private void Splice(List<byte> bytes, int place, InputKind kind, Randomness random)
    {
        Seed other = random.Pick(seeds);
        for (int i = 0; i < 10 && (other.Kind != kind || other.Bytes.Length == 0); i++)
        {
            other = random.Pick(seeds);
        }

        if (other.Bytes.Length == 0)
        {
            return;
        }

        int from = random.Next(other.Bytes.Length);
        int count = random.OneIn(2) ? other.Bytes.Length - from : Math.Min(RangeLength(random), other.Bytes.Length - from);
        if (random.OneIn(2))
        {
            bytes.RemoveRange(place, Math.Min(count, bytes.Count - place));
        }

        bytes.InsertRange(place, other.Bytes.AsSpan(from, count).ToArray());
    }

    private static void ReplaceLength(List<byte> bytes, int place, byte[] length)
    {
        int end = place;
        while (end < bytes.Count && end < place + 10 && bytes[end] >= 0x80)
        {
            end++;
        }

        bytes.RemoveRange(place, Math.Min(end + 1, bytes.Count) - place);
        bytes.InsertRange(place, length);
    }

    /// <summary>Removes, repeats or moves a whole section, or lies about its length.</summary>
    private static void DamageSections(List<byte> bytes, Randomness random)
    {
        List<(int Start, int Body, int End)> sections = [];
        int position = 8;
        while (position < bytes.Count)
        {
            int start = position++;
            uint length = 0;
            for (int shift = 0; position < bytes.Count && shift < 35; shift += 7)
            {
                byte part = bytes[position++];
                length |= (uint)(part & 0x7F) << shift;
                if (part < 0x80)
                {
                    break;
                }
            }

            int body = position;
            position = (int)Math.Min((ulong)position + length, (ulong)bytes.Count);
            sections.Add((start, body, position));
        }

        if (sections.Count == 0)
        {
            return;
        }

        (int first, int content, int last) = random.Pick(sections);
        List<byte> section = bytes.GetRange(first, last - first);
        switch (random.Next(4))
        {
            case 0:
                bytes.RemoveRange(first, section.Count);
                break;
            case 1:
                bytes.InsertRange(random.Pick(sections).Start, section);
                break;
            case 2:
                bytes.RemoveRange(first, section.Count);
                bytes.InsertRange(Math.Min(random.Pick(sections).Start, bytes.Count), section);
                break;
            default:
                ReplaceLength(bytes, random.OneIn(2) || content >= last ? first + 1 : content, random.Pick(Lengths));
                break;
        }
    }

    private static int TokenEnd(List<byte> bytes, int place)
    {
        while (place < bytes.Count && bytes[place] is not ((byte)' ' or (byte)'(' or (byte)')' or (byte)'\n'))
        {
            place++;
        }

        return place;
    }

    private static int TokenStart(List<byte> bytes, int place)
    {
        while (place > 0 && bytes[place - 1] is not ((byte)' ' or (byte)'(' or (byte)')' or (byte)'\n'))
        {
            place--;
        }

        return place;
    }
}
