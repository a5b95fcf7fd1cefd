namespace Wherry.Cli.Tests;

/// <summary>Options end at the module; all after it goes to the guest byte for byte.</summary>
public sealed class GuestArgumentTests
{
    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("--version")]
    [InlineData("-p")]
    [InlineData("--")]
    [InlineData("@x")]
    [InlineData("@")]
    [InlineData("--env=A=B")]
    [InlineData("--no-such-option")]
    [InlineData("-")]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("two words")]
    [InlineData("\"quoted\"")]
    [InlineData("[diagram]")]
    [InlineData("run")]
    [InlineData("Grüße, 世界 🚢")]
    [InlineData("line\nbreak")]
    [InlineData("$HOME %PATH% `x`")]
    public async Task An_argument_after_the_module_reaches_the_guest_unchanged(string argument)
    {
        Result result = await RunningCommand.WherryAsync("run", Guest.Probe, argument, "last");
        Assert.Equal($"[{argument}]\n[last]\n", result.Expect(0).Output);
    }

    [Fact]
    public async Task All_arguments_keep_their_order_and_number()
    {
        Result result = await RunningCommand.WherryAsync("run", Guest.Probe, "-p", "80", "--", "--dir", "/x", "@y", "--help");
        Assert.Equal("[-p]\n[80]\n[--]\n[--dir]\n[/x]\n[@y]\n[--help]\n", result.Expect(0).Output);
    }

    [Fact]
    public async Task A_response_file_is_not_expanded_before_the_module_either()
    {
        using var folder = new TemporaryFolder();
        folder.Write("x", "--help");
        Result result = await RunningCommand.WherryAsync("run", "@" + folder["x"]);
        Assert.Contains("no such file: @", result.Expect(126).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_dashes_end_the_options_before_a_module_that_looks_like_one()
    {
        Result result = await RunningCommand.WherryAsync("run", "--", "-p.wasm");
        Assert.Contains("no such file: -p.wasm", result.Expect(126).Error, StringComparison.Ordinal);
        result = await RunningCommand.WherryAsync("run", "--env", "A=1", "--", Guest.Probe, "--", "x");
        Assert.Equal("[--]\n[x]\n", result.Expect(0).Output);
    }

    [Fact]
    public async Task The_first_argument_of_the_guest_is_the_name_of_the_module()
    {
        Result result = await RunningCommand.WherryAsync("run", Guest.Probe, "name");
        Assert.Equal("probe.wasm\n", result.Expect(0).Output);
    }

    [Fact]
    public async Task Options_take_their_value_after_a_space_an_equals_sign_or_at_once()
    {
        Result result = await RunningCommand.WherryAsync("run", "--env=A=1", "--env", "B=2", "-e", "C=3", Guest.Probe, "env");
        Assert.Equal("A=1\nB=2\nC=3\n", result.Expect(0).Output);
    }

    [Fact]
    public async Task Standard_input_and_output_carry_bytes()
    {
        byte[] bytes = new byte[100_000];
        new Random(1).NextBytes(bytes);
        string text = Convert.ToHexString(bytes);
        Result result = await RunningCommand.WherryWithInputAsync(System.Text.Encoding.ASCII.GetBytes(text), "run", Guest.Probe, "cat");
        Assert.Equal(text, result.Expect(0).Output);
    }
}
