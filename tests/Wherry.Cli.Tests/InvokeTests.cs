namespace Wherry.Cli.Tests;

/// <summary>Calling one function of a module, by --invoke and by --reactor, and linking modules.</summary>
public sealed class InvokeTests
{
    [Theory]
    [InlineData("5", "add", "2", "3")]
    [InlineData("-1", "add", "-3", "2")]
    [InlineData("-2147483648", "add", "2147483647", "1")]
    [InlineData("-1", "add", "4294967295", "0")]
    [InlineData("255", "add", "0xf0", "0xF")]
    [InlineData("9000000000000000000", "add64", "8999999999999999999", "1")]
    [InlineData("-1", "add64", "18446744073709551615", "0")]
    [InlineData("-9223372036854775808", "add64", "-9223372036854775808", "0")]
    [InlineData("0.05", "half32", "0.1")]
    [InlineData("0.05", "half64", "0.1")]
    [InlineData("inf", "half64", "inf")]
    [InlineData("-inf", "half32", "-inf")]
    [InlineData("nan", "half32", "nan")]
    [InlineData("5E+99", "half64", "1e100")]
    [InlineData("1", "is_initialized")]
    public async Task A_function_is_called_with_typed_arguments(string expected, params string[] call)
    {
        string[] arguments = call[1..];
        Assert.Equal(expected + "\n", (await RunningCommand.WherryAsync(["run", "--invoke", call[0], Guest.Functions, .. arguments])).Expect(0).Output);
        Assert.Equal(expected + "\n", (await RunningCommand.WherryAsync(["run", "--reactor", Guest.Functions, .. call])).Expect(0).Output);
    }

    [Theory]
    [InlineData("vector", "0x00000004000000030000000200000001")]
    [InlineData("integer", "-5")]
    [InlineData("nothing", "null")]
    [InlineData("itself", "function () -> (funcref)")]
    [InlineData("object", "reference")]
    [InlineData("several", "1", "-2", "3.5")]
    public async Task Results_of_all_types_are_printed(string function, params string[] expected)
    {
        using var folder = new TemporaryFolder();
        string module = folder.Write("results.wat", """
            (module
              (type $object (struct (field i32)))
              (func (export "vector") (result v128) (v128.const i32x4 1 2 3 4))
              (func (export "integer") (result i31ref) (ref.i31 (i32.const -5)))
              (func (export "nothing") (result externref) (ref.null extern))
              (func $itself (export "itself") (result funcref) (ref.func $itself))
              (func (export "object") (result (ref $object)) (struct.new $object (i32.const 4)))
              (func (export "several") (result i32 i64 f32) (i32.const 1) (i64.const -2) (f32.const 3.5)))
            """);
        Result result = await RunningCommand.WherryAsync("run", "--invoke", function, module);
        Assert.Equal(string.Concat(expected.Select(line => line + "\n")), result.Expect(0).Output);
    }

    [Theory]
    [InlineData("nothing", "")]
    [InlineData("greet", "greetings\n")]
    public async Task A_function_without_results_prints_only_what_the_guest_prints(string function, string expected) =>
        Assert.Equal(expected, (await RunningCommand.WherryAsync("run", "--invoke", function, Guest.Functions)).Expect(0).Output);

    [Fact]
    public async Task A_reactor_without_a_function_is_only_initialized() =>
        Assert.Equal("", (await RunningCommand.WherryAsync("run", "--reactor", Guest.Functions)).Expect(0).Output);

    [Theory]
    [InlineData("argument 2, 'x', is not an i32", "add", "1", "x")]
    [InlineData("argument 1, '1.5', is not an i32", "add", "1.5", "1")]
    [InlineData("argument 1, '4294967296', is not an i32", "add", "4294967296", "1")]
    [InlineData("argument 1, '', is not an i32", "add", "", "1")]
    [InlineData("argument 1, '18446744073709551616', is not an i64", "add64", "18446744073709551616", "1")]
    [InlineData("argument 1, 'ten', is not an f32", "half32", "ten")]
    [InlineData("argument 1, '1,5', is not an f64", "half64", "1,5")]
    [InlineData("add takes 2 arguments, (i32, i32) -> (i32), but 1 was given", "add", "1")]
    [InlineData("nothing takes 0 arguments, () -> (), but 2 were given", "nothing", "1", "2")]
    [InlineData("exports no function 'sub'", "sub", "1", "2")]
    [InlineData("exports no function 'memory'", "memory")]
    public async Task Wrong_arguments_are_a_usage_error(string expected, params string[] call)
    {
        string[] arguments = call[1..];
        string[][] ways = [["run", "--invoke", call[0], Guest.Functions, .. arguments], ["run", "--reactor", Guest.Functions, .. call]];
        foreach (string[] way in ways)
        {
            Result result = await RunningCommand.WherryAsync(way);
            Assert.Contains(expected, result.Expect(2).Error, StringComparison.Ordinal);
            Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
        }
    }

    [Fact]
    public async Task A_trap_in_an_invoked_function_ends_with_134()
    {
        Result result = await RunningCommand.WherryAsync("run", "--invoke", "crash", Guest.Functions);
        Assert.Contains("trap: unreachable", result.Expect(134).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_module_is_linked_by_name()
    {
        Result result = await RunningCommand.WherryAsync("run", "--module", "env:" + Guest.Twice, "--invoke", "four_times", Guest.NeedsTwice, "10");
        Assert.Equal("40\n", result.Expect(0).Output);
        (await RunningCommand.WherryAsync("run", "--module", "env:" + Guest.Twice, Guest.NeedsTwice)).Expect(0);
    }

    [Fact]
    public async Task A_module_to_link_that_is_not_there_is_told()
    {
        Result result = await RunningCommand.WherryAsync("run", "--module", "env:/no/such.wasm", Guest.NeedsTwice);
        Assert.Contains("no such file: /no/such.wasm", result.Expect(126).Error, StringComparison.Ordinal);
    }
}
