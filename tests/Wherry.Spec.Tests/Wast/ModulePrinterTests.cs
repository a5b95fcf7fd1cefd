using Wherry.Text;
using Wherry.Text.Scripts;

namespace Wherry.Spec.Tests.Wast;

/// <summary>A module printed and read again is the same module.</summary>
public class ModulePrinterTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_text_module_of_the_suite_survives_printing(bool emitNames)
    {
        Suite.Require();
        int modules = 0;
        var problems = new List<string>();
        foreach (string file in Suite.Files)
        {
            var source = new TextSource(File.ReadAllBytes(Suite.PathOf(file)), file);
            WatOptions options = WatOptions.Default with { Features = SuiteFeatures.OfPath(file), EmitNames = emitNames };
            foreach (ScriptCommand command in ScriptParser.Parse(source))
            {
                if (Read(command, options) is not byte[] module)
                {
                    continue;
                }

                modules++;
                string text = WatConverter.ToText(module);
                byte[] again = WatConverter.ToBinary(text, emitNames: emitNames || text.Contains("@name", StringComparison.Ordinal) || file.EndsWith("name_annot.wast", StringComparison.Ordinal));
                if (!module.AsSpan().SequenceEqual(again))
                {
                    problems.Add($"{file}:{source.Locate(command.Offset).Line}");
                }
            }
        }

        Assert.Empty(problems);
        Assert.True(modules > 5_000, $"only {modules} modules");
    }

    [Fact]
    public void Binary_modules_of_the_suite_survive_printing()
    {
        Suite.Require();
        var problems = new List<string>();
        foreach (string file in Suite.Files)
        {
            var source = new TextSource(File.ReadAllBytes(Suite.PathOf(file)), file);
            foreach (ScriptCommand command in ScriptParser.Parse(source))
            {
                if (command is ModuleCommand { Source: BinaryModuleSource module })
                {
                    // The first reading takes away what a binary may spell in several ways, such as long forms of small numbers.
                    byte[] plain = WatConverter.ToBinary(WatConverter.ToText(module.Bytes), emitNames: true);
                    if (!plain.AsSpan().SequenceEqual(WatConverter.ToBinary(WatConverter.ToText(plain), emitNames: true)))
                    {
                        problems.Add($"{file}:{source.Locate(command.Offset).Line}");
                    }
                }
            }
        }

        Assert.Empty(problems);
    }

    [Fact]
    public void Names_custom_sections_and_hints_survive_printing()
    {
        const string Text = """
            (module $app
              (@custom "first" (before first) "\00\ff\"\\")
              (@custom "middle" (after func) "x")
              (@custom "end" (after last) "z")
              (type $pair (struct (field $left i32) (field $"the right" (mut i64))))
              (memory $heap 1)
              (global $"not an identifier" (mut f32) f32.const nan:0x200001)
              (func $"same" (@name "same") (param $x i32) (local i32) (local $y f64)
                block $out
                  local.get $x
                  (@metadata.code.branch_hint "\01") br_if $out
                end)
              (func (@name "same"))
              (func $"größe\u{0}" (result v128) v128.const i64x2 -1 0x7fffffffffffffff)
              (data $text (memory $heap) (offset i32.const 8) "\0a\t\u{1F600}"))
            """;
        byte[] module = WatConverter.ToBinary(Text, emitNames: true);
        string printed = WatConverter.ToText(module);
        Assert.Equal(module, WatConverter.ToBinary(printed, emitNames: true));
        Assert.Contains("$\"größe\\u{0}\"", printed, StringComparison.Ordinal);
        Assert.Contains("(@metadata.code.branch_hint \"\\01\") br_if $out", printed, StringComparison.Ordinal);
        Assert.Contains("(@custom \"middle\" (after func) \"x\")", printed, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("\\00", false)]
    [InlineData("\\ff\\ff\\ff", false)]
    [InlineData("\\01\\00\\01\\05\\01\\01", true)]
    [InlineData("\\01\\00\\01\\05\\01\\00", true)]
    [InlineData("\\01\\00\\01\\05\\01\\02", false)]
    [InlineData("\\01\\00\\01\\05\\02\\01\\01", false)]
    [InlineData("\\01\\00\\01\\05\\00", false)]
    [InlineData("\\01\\00\\01\\04\\01\\01", false)]
    [InlineData("\\01\\00\\01\\7f\\01\\01", false)]
    [InlineData("\\01\\07\\01\\05\\01\\01", false)]
    [InlineData("\\01\\00\\02\\05\\01\\01\\05\\01\\01", false)]
    [InlineData("\\01\\00\\01\\05\\01\\01\\00", false)]
    [InlineData("\\02\\00\\01\\05\\01\\01\\00\\01\\05\\01\\01", false)]
    public void Branch_hints_of_a_binary_are_kept_right_or_wrong(string content, bool isRight)
    {
        foreach (string place in new[] { "(before code)", "(after code)", "(before first)" })
        {
            byte[] module = WatConverter.ToBinary(
                $"(module (@custom \"metadata.code.branch_hint\" {place} \"{content}\") (func (param i32) (block local.get 0 br_if 0)))");
            string printed = WatConverter.ToText(module);
            Assert.Equal(module, WatConverter.ToBinary(printed));
            Assert.Equal(isRight && place == "(before code)", printed.Contains("(@metadata.code.branch_hint ", StringComparison.Ordinal));

            // Whatever it says, the module is valid, and has the section still.
            Module loaded = Module.Load(Engine.Default, module);
            Assert.Equal("metadata.code.branch_hint", Assert.Single(loaded.Definition.CustomSections).Name);
        }
    }

    [Fact]
    public void Two_sections_of_branch_hints_are_kept()
    {
        const string Hints = "(@custom \"metadata.code.branch_hint\" (before code) \"\\01\\00\\01\\05\\01\\01\")";
        byte[] module = WatConverter.ToBinary($"(module {Hints} {Hints} (func (param i32) (block local.get 0 br_if 0)))");
        Assert.Equal(module, WatConverter.ToBinary(WatConverter.ToText(module)));
        Assert.Equal(2, Module.Load(Engine.Default, module).Definition.CustomSections.Length);
    }

    [Fact]
    public void Deep_nesting_is_printed_without_recursion()
    {
        const int Depth = 50_000;
        string text = $"(func {string.Concat(Enumerable.Repeat("block ", Depth))}{string.Concat(Enumerable.Repeat("end ", Depth))})";
        byte[] module = WatConverter.ToBinary(text);
        Assert.Equal(module, WatConverter.ToBinary(WatConverter.ToText(module)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\0asm")]
    [InlineData("\0asm\u0001\0\0\0\u0001")]
    [InlineData("\0asm\u0001\0\0\0\u0001\u0002\u0001\u0001")]
    public void What_is_no_module_is_refused(string bytes) =>
        Assert.Throws<MalformedModuleException>(() => WatConverter.ToText(System.Text.Encoding.Latin1.GetBytes(bytes)));

    private static byte[]? Read(ScriptCommand command, WatOptions options)
    {
        ModuleSource? module = command switch
        {
            ModuleCommand definition => definition.Source,
            AssertTrapCommand trap => trap.Source,
            AssertRejectedCommand rejected => rejected.Source,
            _ => null,
        };
        try
        {
            return module is null or BinaryModuleSource ? null : module.ToBytes(options);
        }
        catch (TextFormatException)
        {
            return null;
        }
    }
}
