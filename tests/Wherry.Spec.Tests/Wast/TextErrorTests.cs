namespace Wherry.Spec.Tests.Wast;

/// <summary>Errors in a text say what and where, and show the line.</summary>
public class TextErrorTests
{
    [Theory]
    [InlineData("(module\n  (func (i32.addd)))", "unknown operator i32.addd", 2, 10)]
    [InlineData("(module (func (call $missing)))", "unknown function $missing", 1, 21)]
    [InlineData("(module (func (local.get $x)))", "unknown local $x", 1, 26)]
    [InlineData("(module (func (br $out)))", "unknown label $out", 1, 19)]
    [InlineData("(func block $a end $b)", "mismatching label $b, the block is $a", 1, 20)]
    [InlineData("(func (param $x i32) (local $x i32))", "duplicate local $x", 1, 32)]
    [InlineData("(func $f)\n(func $f)", "duplicate function $f", 2, 7)]
    [InlineData("(func (i32.const 4294967296) drop)", "constant out of range: 4294967296 does not fit i32", 1, 18)]
    [InlineData("(func (i32.const 1) (drop", "unexpected token: the text ends too early", 1, 26)]
    [InlineData("(memory 1) (func (i32.load align=3 (i32.const 0)) drop)", "alignment must be a power of two", 1, 28)]
    [InlineData("(func) (import \"a\" \"b\" (func))", "import after function: imports come first", 1, 8)]
    [InlineData("(data \"ab\nc\")", "unclosed string", 1, 7)]
    [InlineData("(; ; (; ;)", "unclosed comment", 1, 1)]
    [InlineData("(func (v128.const i32x4 1 2 3) drop)", "wrong number of lane literals: 4 are needed, 3 are given", 1, 25)]
    public void An_error_has_its_reason_and_place(string text, string reason, int line, int column)
    {
        TextFormatException error = Assert.Throws<TextFormatException>(() => WatConverter.ToBinary(text, "app.wat"));
        Assert.Equal((reason, line, column), (error.Reason, error.Line, error.Column));
        Assert.StartsWith(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains($"app.wat:{line}:{column}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_line_is_shown_with_a_caret()
    {
        TextFormatException error = Assert.Throws<TextFormatException>(() => WatConverter.ToBinary("(module\n\t(func (call $grüße))\n)"));
        Assert.Equal("illegal character outside of a string or comment", error.Reason);

        error = Assert.Throws<TextFormatException>(() => WatConverter.ToBinary("(module ;; ok\n\t(func (call $nobody))\n)"));
        Assert.Equal("\t(func (call $nobody))\n\t            ^", error.Excerpt);
    }

    [Fact]
    public void Columns_count_characters_and_long_lines_are_cut()
    {
        TextFormatException error = Assert.Throws<TextFormatException>(() => WatConverter.ToBinary("(; äöü ;) (oops)"));
        Assert.Equal(12, error.Column);

        string text = $"(module {new string(' ', 500)}(oops){new string(' ', 500)})";
        error = Assert.Throws<TextFormatException>(() => WatConverter.ToBinary(text));
        Assert.Equal(510, error.Column);
        string[] lines = error.Excerpt.Split('\n');
        Assert.Equal(120, lines[0].Length);
        Assert.Equal("oops", lines[0].Substring(lines[1].IndexOf('^'), 4));
    }

    [Fact]
    public void Deep_nesting_is_read_without_recursion()
    {
        const int Depth = 200_000;
        string folded = $"(func {string.Concat(Enumerable.Repeat("(block ", Depth))}{new string(')', Depth)})";
        string plain = $"(func {string.Concat(Enumerable.Repeat("block ", Depth))}{string.Concat(Enumerable.Repeat("end ", Depth))})";
        Assert.Equal(WatConverter.ToBinary(plain), WatConverter.ToBinary(folded));

        string comment = $"{string.Concat(Enumerable.Repeat("(;", Depth))}{string.Concat(Enumerable.Repeat(";)", Depth))}(module)";
        Assert.Equal(8, WatConverter.ToBinary(comment).Length);

        string annotation = $"(@x {new string('(', Depth)}{new string(')', Depth)})(module)";
        Assert.Equal(8, WatConverter.ToBinary(annotation).Length);

        string open = new('(', Depth);
        Assert.Throws<TextFormatException>(() => WatConverter.ToBinary(open));
        Assert.Throws<TextFormatException>(() => WatConverter.ToBinary($"(func {open}"));
    }
}
