using System.Text.Json;

namespace Wherry.Cli.Tests;

/// <summary>What inspect and validate tell of a module without running it.</summary>
public sealed class InspectTests
{
    [Fact]
    public async Task Inspect_lists_imports_exports_memories_sections_features_and_capabilities()
    {
        Result result = await RunningCommand.WherryAsync("inspect", Repository.Example("orders/orders.wasm"));
        foreach (string expected in new[]
        {
            "command: it runs by itself", "wasi_snapshot_preview1", "sock_open", "function (i32, i32, i32) -> (i32)", "memory",
            "code", "bulk-memory", "network: listen", "network: connect", "files", "--dir GUEST:HOST", "clocks", "randomness",
        })
        {
            Assert.Contains(expected, result.Expect(0).Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Inspect_names_custom_sections()
    {
        Result result = await RunningCommand.WherryAsync("inspect", Guest.Probe);
        Assert.Contains("custom \"target_features\"", result.Expect(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_writes_json()
    {
        Result result = await RunningCommand.WherryAsync("inspect", "--json", Guest.NeedsTwice);
        using JsonDocument json = JsonDocument.Parse(result.Expect(0).Output);
        JsonElement root = json.RootElement;
        Assert.Equal("command", root.GetProperty("kind").GetString());
        Assert.Equal(2, root.GetProperty("functions").GetInt32());
        JsonElement import = Assert.Single(root.GetProperty("imports").EnumerateArray());
        Assert.Equal("env", import.GetProperty("module").GetString());
        Assert.Equal("twice", import.GetProperty("name").GetString());
        Assert.Equal("function", import.GetProperty("kind").GetString());
        Assert.Equal("function (i32) -> (i32)", import.GetProperty("type").GetString());
        Assert.Contains(root.GetProperty("exports").EnumerateArray(), export => export.GetProperty("name").GetString() == "four_times");
        Assert.Contains(root.GetProperty("sections").EnumerateArray(), section => section.GetProperty("name").GetString() == "code");
        Assert.Contains(root.GetProperty("capabilities").EnumerateArray(), capability => capability.GetProperty("option").GetString() == "--module env:FILE");
        Assert.Equal(65536, Assert.Single(root.GetProperty("memories").EnumerateArray()).GetProperty("pageSize").GetInt32());
    }

    [Theory]
    [InlineData("examples/hello/hello.wasm")]
    [InlineData("examples/filetool/filetool.wasm")]
    [InlineData("examples/orders/orders.wasm")]
    public async Task A_valid_module_is_valid(string file)
    {
        Result result = await RunningCommand.WherryAsync("validate", Path.Combine(Repository.Root, file));
        Assert.EndsWith("is valid.\n", result.Expect(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_invalid_module_is_refused_with_an_offset()
    {
        // (module (func (result i32)))
        byte[] module = [0, (byte)'a', (byte)'s', (byte)'m', 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7F, 3, 2, 1, 0, 10, 4, 1, 2, 0, 0x0B];
        using var folder = new TemporaryFolder();
        Result result = await RunningCommand.WherryAsync("validate", folder.Write("x.wasm", module));
        Assert.Contains("offset 0x", result.Expect(126).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("run", "--help")]
    [InlineData("inspect", "--help")]
    [InlineData("validate", "--help")]
    [InlineData("--version")]
    public async Task Help_and_version_are_answered(params string[] arguments)
    {
        Result result = await RunningCommand.WherryAsync(arguments);
        Assert.NotEqual("", result.Expect(0).Output);
        Assert.Equal("", result.Error);
    }
}
