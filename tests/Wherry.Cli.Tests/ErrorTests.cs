using System.Text;

namespace Wherry.Cli.Tests;

/// <summary>What goes wrong is told in one clear message, never by a stack trace.</summary>
public sealed class ErrorTests : IDisposable
{
    private static readonly byte[] Header = [0, (byte)'a', (byte)'s', (byte)'m', 1, 0, 0, 0];
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string, byte[], string> NotModules => new()
    {
        { "empty", [], "is empty" },
        { "short", [0, (byte)'a', (byte)'s'], "is truncated" },
        { "header-only-half", [0, (byte)'a', (byte)'s', (byte)'m', 1, 0], "is truncated" },
        { "text", Encoding.UTF8.GetBytes("this is no module at all"), "is not a WebAssembly module" },
        { "elf", [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0, 0, 0], "ELF" },
        { "script", Encoding.UTF8.GetBytes("#!/bin/sh\necho hello\n"), "script" },
        { "component", [0, (byte)'a', (byte)'s', (byte)'m', 0x0D, 0, 1, 0, 0, 0], "component" },
        { "version-2", [0, (byte)'a', (byte)'s', (byte)'m', 2, 0, 0, 0], "version 2" },
        { "section-beyond-end", [.. Header, 1, 100, 0], "offset 0x" },
    };

    [Theory]
    [MemberData(nameof(NotModules))]
    public async Task A_file_that_is_no_module_is_told_by_what_it_is(string name, byte[] content, string expected)
    {
        string file = folder.Write(name + ".wasm", content);
        foreach (string command in new[] { "run", "inspect", "validate" })
        {
            Result result = await RunningCommand.WherryAsync(command, file);
            OneMessage(result.Expect(126), expected);
            Assert.Contains(file, result.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_module_that_is_cut_off_anywhere_is_refused_with_an_offset()
    {
        byte[] whole = await File.ReadAllBytesAsync(Guest.Functions);
        foreach (int length in new[] { 9, 20, whole.Length / 2, whole.Length - 1 })
        {
            string file = folder.Write($"cut-{length}.wasm", whole.AsSpan(0, length));
            OneMessage((await RunningCommand.WherryAsync("run", file)).Expect(126), "offset 0x");
        }
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_told() =>
        OneMessage((await RunningCommand.WherryAsync("run", folder["none.wasm"])).Expect(126), "no such file: " + folder["none.wasm"]);

    [Fact]
    public async Task A_module_may_come_by_a_named_pipe()
    {
        string pipe = folder["pipe"];
        (await RunningCommand.RunAsync("mkfifo", pipe)).Expect(0);
        byte[] module = await File.ReadAllBytesAsync(Guest.Probe, TestContext.Current.CancellationToken);
        Task write = Task.Run(() => File.WriteAllBytes(pipe, module), TestContext.Current.CancellationToken);
        (await RunningCommand.WherryAsync("run", pipe, "exit", "3")).Expect(3);
        await write.WaitAsync(RunningCommand.Patience, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_folder_is_told() => OneMessage((await RunningCommand.WherryAsync("run", folder.Path)).Expect(126), "is a folder");

    [Fact]
    public async Task No_module_is_a_usage_error() => OneMessage((await RunningCommand.WherryAsync("run")).Expect(2), "which module?");

    [Theory]
    [InlineData("there is no option --bogus", "--bogus", "x.wasm")]
    [InlineData("needs a value", "--env")]
    [InlineData("is not NAME=VALUE", "--env", "novalue", "x.wasm")]
    [InlineData("--time-limit 'soon' is not a time", "--time-limit", "soon", "x.wasm")]
    [InlineData("--time-limit '-5' is not a time", "--time-limit=-5", "x.wasm")]
    [InlineData("--memory-page-limit 'many' is not", "--memory-page-limit", "many", "x.wasm")]
    [InlineData("--memory-limit 'much' is not a size", "--memory-limit", "much", "x.wasm")]
    [InlineData("--bounds-checks 'none' is neither", "--bounds-checks", "none", "x.wasm")]
    [InlineData("--net 'all' is neither", "--net", "all", "x.wasm")]
    [InlineData("there is no 'warp'", "--features", "warp", "x.wasm")]
    [InlineData("--publish \"http\"", "-p", "http", "x.wasm")]
    [InlineData("--publish \"99999\"", "-p", "99999", "x.wasm")]
    [InlineData("--publish \"80:81:82:83\"", "-p", "80:81:82:83", "x.wasm")]
    [InlineData("--publish \"80/icmp\"", "-p", "80/icmp", "x.wasm")]
    [InlineData("published twice", "-p", "8080", "-p", "9090:8080", "PROBE")]
    [InlineData("--connect \":80\"", "--connect", ":80", "x.wasm")]
    [InlineData("--connect \"host:http\"", "--connect", "host:http", "x.wasm")]
    [InlineData("--tcplisten \"nowhere\"", "--tcplisten", "nowhere", "x.wasm")]
    [InlineData("there is no folder /no/such/folder", "--dir", "/no/such/folder", "x.wasm")]
    [InlineData("there is no folder /no/such/folder", "--dir", "/data:/no/such/folder:readonly", "x.wasm")]
    [InlineData("is not GUEST:HOST", "--dir", ":", "x.wasm")]
    [InlineData("no such file: /no/such/file", "--env-file", "/no/such/file", "x.wasm")]
    [InlineData("--module 'env' is not NAME:FILE", "--module", "env", "x.wasm")]
    [InlineData("exclude each other", "--reactor", "--invoke", "f", "x.wasm")]
    [InlineData("--time-limit can be given once only", "--time-limit", "1", "--time-limit", "2", "x.wasm")]
    public async Task A_wrong_option_is_a_usage_error(string expected, params string[] arguments)
    {
        string[] all = [.. arguments.Select(argument => argument == "PROBE" ? Guest.Probe : argument)];
        OneMessage((await RunningCommand.WherryAsync(["run", .. all])).Expect(2), expected);
    }

    [Fact]
    public async Task No_command_is_a_usage_error() => OneMessage((await RunningCommand.WherryAsync()).Expect(2), "which command? There are run, ");

    [Theory]
    [InlineData("--invoke", "f")]
    [InlineData("--reactor")]
    public async Task An_initializer_that_takes_arguments_is_refused(params string[] options)
    {
        string module = folder.Write("odd.wat", """(module (func (export "_initialize") (param i32)) (func (export "f")))""");
        OneMessage((await RunningCommand.WherryAsync(["run", .. options, module])).Expect(126), "_initialize has the type (i32) -> ()");
    }

    [Fact]
    public async Task An_env_file_that_is_none_is_told_in_a_short_message()
    {
        string file = folder.Write("vars", "=" + new string('x', 100_000));
        Result result = await RunningCommand.WherryAsync("run", "--env-file", file, Guest.Probe);
        OneMessage(result.Expect(2), "line 1");
        Assert.True(result.Error.Length < 500, result.Error);
        OneMessage((await RunningCommand.WherryAsync("run", "--env-file", folder.Path, Guest.Probe)).Expect(2), "is a folder");
    }

    [Theory]
    [InlineData(126, "run", "/no/such.wasm")]
    [InlineData(2, "run", "--bogus")]
    [InlineData(134, "run", "PROBE", "divide", "7")]
    [InlineData(124, "run", "--time-limit", "200", "PROBE", "loop")]
    public async Task Nobody_has_to_listen_to_messages(int exitCode, params string[] arguments)
    {
        string[] all = [.. arguments.Select(argument => argument == "PROBE" ? Guest.Probe : argument)];
        (await RunningCommand.RunAsync("sh", ["-c", "exec dotnet \"$@\" 2>&-", "sh", Repository.Command, .. all])).Expect(exitCode);
    }

    [Theory]
    [InlineData(">&-", "run", "--invoke", "add", "FUNCTIONS", "1", "2")]
    [InlineData(">/dev/full", "run", "--invoke", "add", "FUNCTIONS", "1", "2")]
    [InlineData(">&-", "inspect", "FUNCTIONS")]
    [InlineData(">&-", "inspect", "--json", "FUNCTIONS")]
    [InlineData(">/dev/full", "validate", "FUNCTIONS")]
    [InlineData(">/dev/full", "wasm2wat", "FUNCTIONS")]
    public async Task Output_that_can_not_be_written_is_told(string redirection, params string[] arguments)
    {
        string[] all = [.. arguments.Select(argument => argument == "FUNCTIONS" ? Guest.Functions : argument)];
        Result result = await RunningCommand.RunAsync("sh", ["-c", "exec dotnet \"$@\" " + redirection, "sh", Repository.Command, .. all]);
        OneMessage(result.Expect(1), "standard output can't be written");
    }

    [Fact]
    public async Task A_file_given_as_a_folder_is_told()
    {
        string file = folder.Write("file", "x");
        OneMessage((await RunningCommand.WherryAsync("run", "--dir", file, Guest.Probe)).Expect(2), "is a file, not a folder");
    }

    [Theory]
    [InlineData("fly")]
    [InlineData("Run")]
    public async Task An_unknown_command_is_a_usage_error(string command) =>
        OneMessage((await RunningCommand.WherryAsync(command, "x")).Expect(2), $"'{command}' is not a command");

    [Fact]
    public async Task A_module_without_the_command_is_told_how_to_run_it() =>
        OneMessage((await RunningCommand.WherryAsync(Guest.Probe)).Expect(2), "wherry run " + Guest.Probe);

    [Fact]
    public async Task A_missing_import_is_told_by_name_and_type_with_what_would_provide_it()
    {
        Result result = await RunningCommand.WherryAsync("run", Guest.NeedsTwice);
        OneMessage(result.Expect(126), "(i32) -> (i32)");
        Assert.Contains("env", result.Error, StringComparison.Ordinal);
        Assert.Contains("twice", result.Error, StringComparison.Ordinal);
        Assert.Contains("--module env:FILE", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_of_a_guest_can_not_drive_the_terminal()
    {
        Result result = await RunningCommand.WherryAsync("run", Guest.NeedsEscape);
        OneMessage(result.Expect(126), "red");
        Assert.Contains("--module", result.Error, StringComparison.Ordinal);
        result = await RunningCommand.WherryAsync("inspect", Guest.NeedsEscape);
        Assert.DoesNotContain(result.Expect(0).Output, character => char.IsControl(character) && character != '\n');
        result = await RunningCommand.WherryAsync("inspect", "--json", Guest.NeedsEscape);
        Assert.DoesNotContain(result.Expect(0).Output, character => char.IsControl(character) && character != '\n');
        string file = folder.Write("x", "\0asm\r\0\u0001\0");
        string odd = Path.Combine(folder.Path, "\e[31mred.wasm");
        File.Move(file, odd);
        OneMessage((await RunningCommand.WherryAsync("run", odd)).Expect(126), "component");
    }

    [Fact]
    public async Task Names_of_any_length_make_messages_of_reasonable_length()
    {
        string name = new('n', 50_000);
        string module = folder.Write("long.wat", $"""(module (func $"{name}" unreachable) (func (export "{name}") (call 0)) (func (export "f") (call 0)))""");
        Assert.InRange((await RunningCommand.WherryAsync("run", module)).Expect(126).Error.Length, 1, 2000);
        Assert.InRange((await RunningCommand.WherryAsync("run", "--invoke", "f", module)).Expect(134).Error.Length, 1, 2000);
    }

    [Fact]
    public async Task A_library_is_told_how_to_be_called()
    {
        Result result = await RunningCommand.WherryAsync("run", Guest.Functions);
        OneMessage(result.Expect(126), "--invoke");
        Assert.Contains("add64", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_feature_that_is_off_is_named()
    {
        OneMessage((await RunningCommand.WherryAsync("run", "--features", "wasm1", Repository.Example("orders/orders.wasm"))).Expect(126), "offset 0x");
    }

    [Theory]
    [InlineData("(type (struct))", "gc", "garbage-collection")]
    [InlineData("(func $f (return_call $f))", "tail-call", "tail-calls")]
    [InlineData("(global i32 (i32.add (i32.const 1) (i32.const 2)))", "extended-const", "extended-constants")]
    [InlineData("(memory i64 1)", "memory64", "memory64")]
    public async Task The_feature_that_a_message_names_is_the_one_that_the_option_takes(string field, params string[] names)
    {
        string module = folder.Write("needs.wat", $"(module {field})");
        foreach (string name in names)
        {
            OneMessage((await RunningCommand.WherryAsync("validate", "--features=-" + name, module)).Expect(126), $"needs the feature {names[0]}, which is off");
            (await RunningCommand.WherryAsync("validate", "--features", "wasm2,+" + name, module)).Expect(0);
        }

        Assert.Contains(names[0], (await RunningCommand.WherryAsync("inspect", module)).Expect(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_colours_are_written_to_a_pipe()
    {
        Result result = await RunningCommand.WherryAsync("run", "--bogus");
        Assert.DoesNotContain('\e', result.Expect(2).Error);
        result = await RunningCommand.WherryAsync("inspect", Guest.Probe);
        Assert.DoesNotContain('\e', result.Expect(0).Output);
    }

    public void Dispose() => folder.Dispose();

    private static void OneMessage(Result result, string expected)
    {
        Assert.StartsWith("wherry: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
        Assert.DoesNotContain(result.Error, character => char.IsControl(character) && character != '\n');
        Assert.Equal("", result.Output);
    }
}
