namespace Wherry.Cli.Tests;

/// <summary>What a guest is given: variables, folders, memory.</summary>
public sealed class GuestEnvironmentTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task A_guest_has_no_variables_but_those_given()
    {
        await using RunningCommand command = RunningCommand.Start("dotnet", [Repository.Command, "run", Guest.Probe, "env"], null, ("SECRET", "x"));
        Assert.Equal("", (await command.EndAsync()).Expect(0).Output);
    }

    [Fact]
    public async Task Variables_keep_their_value_to_the_letter()
    {
        Result result = await RunningCommand.WherryAsync("run", "--env", "A=b=c d", "--env", "EMPTY=", Guest.Probe, "env");
        Assert.Equal("A=b=c d\nEMPTY=\n", result.Expect(0).Output);
    }

    [Fact]
    public async Task The_last_value_of_a_variable_counts_and_env_goes_before_files()
    {
        string file = folder.Write("vars", "# a comment\n\nA=file\nB=file\n  C=with space \nPASSED_ON\nNOT_SET_ANYWHERE\n");
        await using RunningCommand command = RunningCommand.Start(
            "dotnet",
            [Repository.Command, "run", "--env", "A=option", "--env-file", file, "--env", "D=1", "--env", "D=2", Guest.Probe, "env"],
            null,
            ("PASSED_ON", "host"));
        string[] lines = (await command.EndAsync()).Expect(0).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["A=option", "B=file", "C=with space ", "D=2", "PASSED_ON=host"], lines.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_line_of_an_env_file_that_is_no_variable_is_told_with_its_number()
    {
        string file = folder.Write("vars", "A=1\n=2\n");
        Result result = await RunningCommand.WherryAsync("run", "--env-file", file, Guest.Probe, "env");
        Assert.Contains("line 2", result.Expect(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_is_there_under_the_guests_name()
    {
        folder.Write("in.txt", "content");
        Result result = await FileToolAsync($"/data:{folder.Path}", "ls", "/data");
        Assert.Equal("in.txt\n", result.Expect(0).Output);
        result = await FileToolAsync($"/data:{folder.Path}", "cat", "/data/in.txt");
        Assert.Equal("content", result.Expect(0).Output);
    }

    [Fact]
    public async Task A_folder_alone_is_there_under_its_own_name()
    {
        folder.Write("in.txt", "content");
        Result result = await FileToolAsync(folder.Path, "cat", folder["in.txt"]);
        Assert.Equal("content", result.Expect(0).Output);
    }

    [Fact]
    public async Task A_read_only_folder_is_read_only()
    {
        folder.Write("in.txt", "content");
        Assert.Equal("content", (await FileToolAsync($"/data:{folder.Path}:readonly", "cat", "/data/in.txt")).Expect(0).Output);
        foreach (string[] change in new[] { new[] { "write", "/data/new" }, ["append", "/data/in.txt"], ["rm", "/data/in.txt"], ["mkdir", "/data/x"], ["mv", "/data/in.txt", "/data/y"] })
        {
            Assert.NotEqual("", (await FileToolAsync($"/data:{folder.Path}:readonly", change)).Expect(1).Error);
        }

        Assert.Equal([folder["in.txt"]], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task A_writable_folder_can_be_changed()
    {
        Assert.Equal("", (await FileToolWithInputAsync("one ", "write", "/data/a")).Expect(0).Error);
        (await FileToolWithInputAsync("two", "append", "/data/a")).Expect(0);
        Assert.Equal("one two", await File.ReadAllTextAsync(folder["a"]));
        (await FileToolWithInputAsync("", "mkdir", "/data/d")).Expect(0);
        (await FileToolWithInputAsync("", "mv", "/data/a", "/data/d/b")).Expect(0);
        Assert.Equal("/data/d/b 7 file\n", (await FileToolWithInputAsync("", "stat", "/data/d/b")).Expect(0).Output);
        (await FileToolWithInputAsync("", "rm", "/data/d/b")).Expect(0);
        Assert.Empty(Directory.GetFiles(folder["d"]));
    }

    [Theory]
    [InlineData("/data/../secret")]
    [InlineData("/data/link")]
    [InlineData("/etc/passwd")]
    public async Task Nothing_outside_of_the_folder_is_reached(string path)
    {
        folder.Write("secret", "secret");
        Directory.CreateDirectory(folder["inner"]);
        File.CreateSymbolicLink(Path.Combine(folder["inner"], "link"), "../secret");
        Result result = await FileToolAsync($"/data:{folder["inner"]}", "cat", path);
        Assert.Equal("", result.Expect(1).Output);
    }

    [Theory]
    [InlineData("--memory-page-limit", "20", "20")]
    [InlineData("--memory-limit", "2MiB", "32")]
    [InlineData("--memory-limit", "2097152", "32")]
    [InlineData("--memory-limit", "2100000", "32")]
    public async Task Memory_grows_up_to_its_limit(string option, string limit, string pages)
    {
        Result result = await RunningCommand.WherryAsync("run", option, limit, Guest.Probe, "grow");
        Assert.Equal(pages + "\n", result.Expect(0).Output);
    }

    [Fact]
    public async Task Objects_are_bounded_as_memories_are()
    {
        string module = folder.Write("keeps.wat", """
            (module
              (type $node (struct (field (ref null $node)) (field i64)))
              (global $kept (mut (ref null $node)) (ref.null $node))
              (func (export "_start") (loop (global.set $kept (struct.new $node (global.get $kept) (i64.const 1))) (br 0))))
            """);
        Result result = await RunningCommand.WherryAsync("run", "--memory-limit", "16MiB", module);
        Assert.Contains("limit of 16,777,216 bytes", result.Expect(134).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_module_that_starts_above_the_limit_can_not_be_run()
    {
        Result result = await RunningCommand.WherryAsync("run", "--memory-page-limit", "1", Guest.Probe);
        Assert.StartsWith("wherry: ", result.Expect(126).Error, StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    private static Task<Result> FileToolAsync(string folders, params string[] arguments) =>
        RunningCommand.WherryAsync(["run", "--dir", folders, Repository.Example("filetool/filetool.wasm"), .. arguments]);

    private Task<Result> FileToolWithInputAsync(string input, params string[] arguments) => RunningCommand.WherryWithInputAsync(
        System.Text.Encoding.UTF8.GetBytes(input), ["run", "--dir", $"/data:{folder.Path}", Repository.Example("filetool/filetool.wasm"), .. arguments]);
}
