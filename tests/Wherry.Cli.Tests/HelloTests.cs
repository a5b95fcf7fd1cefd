namespace Wherry.Cli.Tests;

/// <summary>The smallest example.</summary>
public sealed class HelloTests
{
    [Fact]
    public async Task Hello_greets_the_world() =>
        Assert.Equal("Hello, world!\n", (await RunningCommand.WherryAsync("run", Repository.Example("hello/hello.wasm"))).Expect(0).Output);

    [Fact]
    public async Task Verbose_tells_what_happens_on_standard_error()
    {
        Result result = await RunningCommand.WherryAsync("run", "--verbose", Repository.Example("hello/hello.wasm"), "you");
        Assert.Equal("Hello, you!\n", result.Expect(0).Output);
        Assert.Contains("is loaded", result.Error, StringComparison.Ordinal);
    }
}
