using System.Text;

namespace Wherry.Fuzz.Tests;

/// <summary>Errors quote what a module's author chose: however long that is, and whatever is in it, they stay readable.</summary>
public class ErrorLengthTests
{
    private const int Enough = 2000;
    private static readonly string LongName = string.Concat(Enumerable.Repeat("\u001b[31m", 20_000));

    [Fact]
    public void A_text_error_quotes_only_the_start_of_a_long_token()
    {
        foreach (string text in (string[])[new string('x', 90_000), $"(module (func (call ${new string('x', 90_000)})))", $"(func (i32.const {new string('9', 90_000)}))"])
        {
            TextFormatException error = Assert.Throws<TextFormatException>(() => WatConverter.ToBinary(text));
            Assert.InRange(error.Message.Length, 1, Enough);
        }
    }

    [Fact]
    public void A_validation_error_quotes_only_the_start_of_a_long_name()
    {
        byte[] module = WatConverter.ToBinary($"(module (func ${new string('x', 90_000)} (drop)))", emitNames: true);
        InvalidModuleException error = Assert.Throws<InvalidModuleException>(() => Module.Load(Engine.Default, module));
        Assert.InRange(error.Message.Length, 1, Enough);
        Assert.Contains("offset", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_error_quotes_only_the_start_of_a_long_name_and_no_escapes()
    {
        var escaped = new StringBuilder();
        foreach (byte part in Encoding.UTF8.GetBytes(LongName[..90_000]))
        {
            escaped.Append('\\').Append(part.ToString("x2", System.Globalization.CultureInfo.InvariantCulture));
        }

        Module module = Module.Load(Engine.Default, WatConverter.ToBinary($"(module (import \"{escaped}\" \"{escaped}\" (func)))"));
        using var store = new Store(Engine.Default);
        LinkException error = Assert.Throws<LinkException>(() => new Linker(Engine.Default).Instantiate(store, module));
        Assert.InRange(error.Message.Length, 1, Enough);
        Assert.DoesNotContain('\u001b', error.Message);
    }
}
