using System.Text;
using Wherry.Text;
using Wherry.Text.Scripts;

namespace Wherry.Spec.Tests.Wast;

/// <summary>Whatever a text holds, it is a module or one clear error.</summary>
public class TextMutationTests
{
    private const int Texts = 4_000;

    private static readonly string[] Words =
    [
        "(", ")", "(module", "(func", "(type", "(rec", "(sub", "(ref null", "(param", "(result", "(local", "(elem", "(data", "(table", "(memory", "(import", "(export",
        "block", "loop", "if", "else", "end", "(then", "(else", "try_table", "(catch", "(catch_all", "try", "(do", "catch_all", "delegate", "br_table", "(offset", "(item",
        "$a", "$\"b\"", "\"text\"", "\"\\u{1F600}\"", "0", "1", "-1", "4294967296", "0x1p-3", "nan:0x1", "i32.const", "v128.const", "i8x16.shuffle", "i32x4", "select",
        "call_indirect", "struct.get", "memory.init", "v128.load8_lane", "offset=1", "align=3", "(@custom", "(@name", "(@metadata.code.branch_hint", "(;", ";)", ";;", "\n", "funcref",
    ];

    [Fact]
    public void Changed_scripts_are_read_or_refused_with_a_place()
    {
        Suite.Require();
        byte[][] seeds =
        [
            .. new[] { "annotations.wast", "elem.wast", "if.wast", "try_table.wast", "struct.wast", "memory.wast", "simd_lane.wast", "legacy/try_catch.wast", "proposals/custom-descriptors/descriptors.wast", "custom/branch_hint.wast", "float_literals.wast" }
                .Select(file => File.ReadAllBytes(Suite.PathOf(file))),
        ];
        var random = new Random(20_260_617);
        for (int i = 0; i < Texts; i++)
        {
            byte[] seed = seeds[random.Next(seeds.Length)];
            int start = random.Next(seed.Length);
            byte[] text = seed.AsSpan(start, Math.Min(random.Next(1, 1_000), seed.Length - start)).ToArray();
            for (int changes = random.Next(6); changes > 0; changes--)
            {
                text = Change(text, random);
            }

            Check(text);
        }
    }

    private static byte[] Change(byte[] text, Random random)
    {
        int at = random.Next(text.Length);
        switch (random.Next(3))
        {
            case 0:
                text[at] ^= (byte)(1 << random.Next(8));
                return text;
            case 1:
                int end = Math.Min(text.Length, at + random.Next(1, 20));
                return text.Length - (end - at) < 1 ? text : [.. text[..at], .. text[end..]];
            default:
                return [.. text[..at], .. Encoding.UTF8.GetBytes($" {Words[random.Next(Words.Length)]} "), .. text[at..]];
        }
    }

    private static void Check(byte[] text)
    {
        try
        {
            byte[] module = WatConverter.ToBinary(text, emitNames: true);
            Assert.Equal(module, WatConverter.ToBinary(WatConverter.ToText(module), emitNames: true));
        }
        catch (TextFormatException error)
        {
            Assert.True(error.Line > 0 && error.Column > 0 && error.Excerpt.Contains('^'));
        }

        try
        {
            foreach (ScriptCommand command in ScriptParser.Parse(new TextSource(text, null)))
            {
                if (command is ModuleCommand { Source: TextModuleSource module })
                {
                    module.ToBytes(WatOptions.Default);
                }
            }
        }
        catch (TextFormatException error)
        {
            Assert.True(error.Line > 0 && error.Column > 0 && error.Excerpt.Contains('^'));
        }
    }
}
