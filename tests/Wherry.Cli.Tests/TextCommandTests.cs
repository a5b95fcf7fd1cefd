using System.Text;
using System.Text.Json;

namespace Wherry.Cli.Tests;

/// <summary>Modules in the text format, and test scripts.</summary>
public sealed class TextCommandTests : IDisposable
{
    private const string Answer = """
        (module
          (func (export "answer") (result i32)
            i32.const 42))
        """;

    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task A_module_in_the_text_format_runs_as_it_is()
    {
        string file = folder.Write("app.wat", Encoding.UTF8.GetBytes(Answer));
        Result result = await RunningCommand.WherryAsync("run", "--invoke", "answer", file);
        Assert.Equal("42", result.Expect(0).Output.Trim());
    }

    [Fact]
    public async Task An_error_in_the_text_shows_the_line_with_a_caret()
    {
        string file = folder.Write("app.wat", Encoding.UTF8.GetBytes("(module\n  (func (i32.bad)))\n"));
        Result result = await RunningCommand.WherryAsync("run", file);
        Assert.Contains("unknown operator i32.bad", result.Expect(126).Error, StringComparison.Ordinal);
        Assert.Contains($"{file}:2:10", result.Error, StringComparison.Ordinal);
        Assert.Contains("  (func (i32.bad)))\n         ^", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_module_goes_to_binary_and_back()
    {
        string text = folder.Write("app.wat", Encoding.UTF8.GetBytes(Answer));
        (await RunningCommand.WherryAsync("wat2wasm", text)).Expect(0);
        string binary = folder["app.wasm"];
        Result printed = await RunningCommand.WherryAsync("wasm2wat", binary);
        Assert.Contains("i32.const 42", printed.Expect(0).Output, StringComparison.Ordinal);

        string again = folder.Write("again.wat", Encoding.UTF8.GetBytes(printed.Output));
        (await RunningCommand.WherryAsync("wat2wasm", again, "-o", folder["again.wasm"])).Expect(0);
        Assert.Equal(await File.ReadAllBytesAsync(binary), await File.ReadAllBytesAsync(folder["again.wasm"]));
    }

    [Fact]
    public async Task A_script_passes_or_fails_by_its_assertions()
    {
        string good = folder.Write("good.wast", Encoding.UTF8.GetBytes(Answer + "(assert_return (invoke \"answer\") (i32.const 42))"));
        Result result = await RunningCommand.WherryAsync("wast", good);
        Assert.EndsWith("1 passed, 0 failed", result.Expect(0).Output.TrimEnd(), StringComparison.Ordinal);

        folder.Write("bad.wast", Encoding.UTF8.GetBytes(Answer + "\n(assert_return (invoke \"answer\") (i32.const 41))\n(assert_trap (invoke \"answer\") \"unreachable\")"));
        result = await RunningCommand.WherryAsync("wast", "--bounds-checks", "explicit", folder.Path);
        Assert.EndsWith("1 passed, 2 failed", result.Expect(1).Output.TrimEnd(), StringComparison.Ordinal);
        Assert.Contains("expected (i32 41), got (i32 42)", result.Output, StringComparison.Ordinal);

        result = await RunningCommand.WherryAsync("wast", "--json", folder.Path);
        using JsonDocument json = JsonDocument.Parse(result.Expect(1).Output);
        Assert.Equal(1, json.RootElement.GetProperty("passed").GetInt32());
        Assert.Equal(2, json.RootElement.GetProperty("failed").GetInt32());
        JsonElement failure = json.RootElement.GetProperty("files")[0].GetProperty("failures")[0];
        Assert.Equal(4, failure.GetProperty("line").GetInt32());
    }

    [Fact]
    public async Task A_folder_without_scripts_is_no_success()
    {
        Directory.CreateDirectory(folder["empty"]);
        Assert.Contains("there are no scripts (*.wast) in the folder", (await RunningCommand.WherryAsync("wast", folder["empty"])).Expect(2).Error, StringComparison.Ordinal);
        Assert.Contains("which script or folder?", (await RunningCommand.WherryAsync("wast")).Expect(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_script_that_is_not_there_is_told() =>
        Assert.Contains("no such file or folder", (await RunningCommand.WherryAsync("wast", folder["none.wast"])).Expect(2).Error, StringComparison.Ordinal);

    public void Dispose() => folder.Dispose();
}
