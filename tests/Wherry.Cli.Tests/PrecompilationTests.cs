using System.Text;
using System.Text.RegularExpressions;
using Wherry.Aot;

namespace Wherry.Cli.Tests;

/// <summary>wherry compile, its files, and the cache of wherry run. crossgen2 comes with the build of the command; where it is not, they are skipped, except in CI.</summary>
public sealed class PrecompilationTests : IDisposable
{
    private const int CannotRun = 126;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("bench/hello.wasm", "")]
    [InlineData("bench/lua-eh.wasm", "1")]
    [InlineData("bench/quickjs.wasm", "1")]
    [InlineData("bench/sqlite.wasm", "1")]
    public async Task A_compiled_program_does_what_its_module_does_and_the_JIT_has_nothing_of_it_to_do(string module, string argument)
    {
        Require();
        string wasm = Repository.Shared(module);
        string compiled = await CompileAsync(wasm);
        string log = folder["jit.txt"];
        string[] arguments = argument.Length == 0 ? [] : [argument];
        Result expected = (await WherryAsync(["run", "--no-cache", wasm, .. arguments])).Expect(0);
        Result actual = (await WherryAsync(["run", compiled, .. arguments], ("DOTNET_JitStdOutFile", log), ("DOTNET_JitDisasmSummary", "1"))).Expect(0);
        Assert.Equal(expected.Output, actual.Output);
        string jitted = await File.ReadAllTextAsync(log, TestContext.Current.CancellationToken);
        Assert.Contains("JIT compiled", jitted, StringComparison.Ordinal);
        Assert.DoesNotMatch(@" (c\d+|Large|Stubs|Instance):", jitted);
    }

    [Fact]
    public async Task A_file_that_was_changed_or_that_another_user_made_is_refused()
    {
        Require();
        string compiled = await CompileAsync(Repository.Shared("bench/hello.wasm"));
        byte[] good = await File.ReadAllBytesAsync(compiled, TestContext.Current.CancellationToken);
        foreach (int place in (int[])[300, good.Length / 2, good.Length - 100, good.Length - 50, good.Length - 30])
        {
            byte[] changed = [.. good];
            changed[place] ^= 1;
            Result result = (await WherryAsync(["run", folder.Write("changed.cwasm", changed)])).Expect(CannotRun);
            Assert.DoesNotContain("hello", result.Output, StringComparison.Ordinal);
        }

        // Whatever is left of it, and whatever it is called.
        foreach ((string name, byte[] rest) in ((string, byte[])[])
            [
                ("cut.cwasm", good[..^1]), ("cut.wasm", good[..^1]), ("half.cwasm", good[..(good.Length / 2)]), ("half.wasm", good[..(good.Length / 2)]), ("start.cwasm", good[..100]),
                ("letter.cwasm", good[..1]), ("end.cwasm", good[1000..]), ("end.wasm", good[1000..]), ("zeros.cwasm", new byte[good.Length]), ("empty.cwasm", []),
            ])
        {
            foreach (string command in (string[])["run", "inspect"])
            {
                Result result = (await WherryAsync([command, folder.Write(name, rest)])).Expect(CannotRun);
                Assert.Contains("compiled module", result.Error, StringComparison.Ordinal);
                Assert.Contains("Compile the module again: wherry compile", result.Error, StringComparison.Ordinal);
                Assert.Equal(1, result.Error.TrimEnd().Count(letter => letter == '\n') + 1);
            }
        }

        Result other = (await WherryAsync(["run", compiled], ("XDG_DATA_HOME", folder["other"]))).Expect(CannotRun);
        Assert.Contains("--allow-precompiled", other.Error, StringComparison.Ordinal);
        Assert.Equal("hello\n", (await WherryAsync(["run", "--allow-precompiled", compiled], ("XDG_DATA_HOME", folder["other"]))).Expect(0).Output);
    }

    [Fact]
    public async Task A_key_that_others_can_read_vouches_for_nothing()
    {
        Require();
        string compiled = await CompileAsync(Repository.Shared("bench/hello.wasm"));
        string key = Path.Combine(folder["data"], "wherry", "precompiled.key");
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(key));
            File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        }

        (await WherryAsync(["run", compiled])).Expect(CannotRun);
    }

    [Fact]
    public async Task A_file_for_something_else_runs_its_module_if_it_is_authentic_and_is_refused_if_not()
    {
        Require();
        string compiled = await CompileAsync(Repository.Shared("bench/hello.wasm"));
        byte[] key = await File.ReadAllBytesAsync(Path.Combine(folder["data"], "wherry", "precompiled.key"), TestContext.Current.CancellationToken);
        Assert.True(PrecompiledFile.TryRead(await File.ReadAllBytesAsync(compiled, TestContext.Current.CancellationToken), out PrecompiledFile? file));
        CodeIdentity identity = file.Identity;
        foreach (CodeIdentity other in (CodeIdentity[])
            [
                identity with { Engine = "0.0.1 x" }, identity with { Runtime = "9.9.9 x" }, identity with { Processor = "x64 avx9" }, identity with { Options = "none" },
                identity with { System = "plan9-x64" }, identity with { Module = new string('0', 64) },
            ])
        {
            // Code that would be seen if it ran.
            byte[] assembly = Encoding.UTF8.GetBytes("MZ" + new string('x', 1000));
            Result result = (await WherryAsync(["run", folder.Write("other.cwasm", PrecompiledFile.Write(assembly, file.Module.Span, other, key))])).Expect(0);
            Assert.Equal("hello\n", result.Output);
            Assert.Contains("jitted", result.Error, StringComparison.Ordinal);
            (await WherryAsync(["run", "--allow-precompiled", folder.Write("other.cwasm", PrecompiledFile.Write(assembly, file.Module.Span, other, null))])).Expect(CannotRun);
        }

        // The same by options: the code fits guard pages only.
        Assert.Contains("jitted", (await WherryAsync(["run", "--bounds-checks", "explicit", compiled])).Expect(0).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Folders_may_have_any_name()
    {
        Require();
        string hello = Repository.Shared("bench/hello.wasm");
        string compiled = folder["hello.cwasm"];
        (string, string?) data = ("XDG_DATA_HOME", folder["dätä"]);
        (string, string?) cache = ("XDG_CACHE_HOME", folder["çache"]);
        (await WherryAsync(["compile", hello, "-o", compiled], data, cache)).Expect(0);
        Assert.True(File.Exists(Path.Combine(folder["dätä"], "wherry", "precompiled.key")));
        Assert.Contains("native code", (await WherryAsync(["run", "--verbose", compiled], data, cache)).Expect(0).Error, StringComparison.Ordinal);

        string json = Repository.Shared("bench/json.wasm");
        (await WherryAsync(["compile", "--into-cache", json], data, cache)).Expect(0);
        Assert.Contains("native code", (await WherryAsync(["run", "--verbose", json, "1"], data, cache)).Expect(0).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_device_a_pipe_or_a_link_is_written_to_and_not_replaced()
    {
        Require();
        string hello = Repository.Shared("bench/hello.wasm");
        string pipe = folder["pipe"];
        (await RunningCommand.RunAsync("mkfifo", pipe)).Expect(0);
        Task<byte[]> read = Task.Run(() => File.ReadAllBytes(pipe), TestContext.Current.CancellationToken);
        (await WherryAsync(["compile", "-o", pipe, hello])).Expect(0);
        Assert.True(PrecompiledFile.IsOne(await read.WaitAsync(RunningCommand.Patience, TestContext.Current.CancellationToken)));

        string target = folder.Write("target", "");
        File.CreateSymbolicLink(folder["link"], target);
        (await WherryAsync(["compile", "-o", folder["link"], hello])).Expect(0);
        Assert.Equal(target, new FileInfo(folder["link"]).LinkTarget);
        Assert.Equal("hello\n", (await WherryAsync(["run", target])).Expect(0).Output);
    }

    [Fact]
    public async Task A_guest_that_runs_for_a_while_is_compiled_beside_and_is_native_the_next_time()
    {
        Require();
        string lua = Repository.Shared("bench/lua.wasm");
        Result first = (await WherryAsync(["run", "--verbose", lua])).Expect(0);
        Assert.DoesNotContain("native code", first.Error, StringComparison.Ordinal);
        await WaitForEntriesAsync(1);
        Result second = (await WherryAsync(["run", "--verbose", lua])).Expect(0);
        Assert.Contains("native code", second.Error, StringComparison.Ordinal);
        Assert.Equal(first.Output, second.Output);
        Assert.DoesNotContain("native code", (await WherryAsync(["run", "--no-cache", "--verbose", lua, "1"])).Expect(0).Error, StringComparison.Ordinal);
        Assert.Matches(new Regex("^[0-9a-f]{64} +[0-9]+ "), (await WherryAsync(["cache", "list"])).Expect(0).Output);
        Assert.Equal(Path.Combine(folder["cache"], "wherry") + "\n", (await WherryAsync(["cache", "path"])).Expect(0).Output);
        Assert.Equal("1 entry was deleted.\n", (await WherryAsync(["cache", "clear"])).Expect(0).Output);
        Assert.Empty(Entries());
    }

    [Fact]
    public async Task Two_processes_may_fill_the_cache_at_once()
    {
        Require();
        string json = Repository.Shared("bench/json.wasm");
        await Task.WhenAll(Enumerable.Range(0, 3).Select(async _ => (await WherryAsync(["compile", "--into-cache", json])).Expect(0)));
        await WaitForEntriesAsync(1);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(async _ =>
            Assert.Contains("native code", (await WherryAsync(["run", "--verbose", json, "1"])).Expect(0).Error, StringComparison.Ordinal)));
        Assert.Single(Directory.GetFiles(Path.Combine(folder["cache"], "wherry")));
    }

    [Fact]
    public async Task Without_the_compiler_and_packages_there_is_one_clear_message()
    {
        // No package in the folder, nor in the source that the SDK is told to use.
        Directory.CreateDirectory(folder["packages"]);
        Directory.CreateDirectory(folder["source"]);
        Result result = await WherryAsync(
            ["compile", Repository.Shared("bench/hello.wasm"), "-o", folder["x.cwasm"]], ("NUGET_PACKAGES", folder["packages"]), ("RestoreSources", folder["source"]));
        result.Expect(1);
        Assert.Contains("crossgen2", result.Error, StringComparison.Ordinal);
        Assert.Contains("dotnet restore", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(folder["x.cwasm"]));
    }

    private static void Require()
    {
        if (!Precompiler.IsAvailable)
        {
            Repository.MissingTool("needs crossgen2, which `wherry compile` gets");
        }
    }

    private string[] Entries() =>
        Directory.Exists(Path.Combine(folder["cache"], "wherry")) ? Directory.GetFiles(Path.Combine(folder["cache"], "wherry"), "*.cwasm") : [];

    private async Task WaitForEntriesAsync(int count)
    {
        for (DateTime end = DateTime.UtcNow + RunningCommand.Patience; Entries().Length < count;)
        {
            Assert.True(DateTime.UtcNow < end, "the cache was not filled");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    private async Task<string> CompileAsync(string wasm)
    {
        string compiled = folder[Path.GetFileNameWithoutExtension(wasm) + ".cwasm"];
        Result result = (await WherryAsync(["compile", wasm, "-o", compiled])).Expect(0);
        Assert.DoesNotContain("no native code", result.Error, StringComparison.Ordinal);
        return compiled;
    }

    private Task<Result> WherryAsync(string[] arguments, params (string Name, string? Value)[] environment) => RunningCommand.RunInAsync(
        Repository.Root, arguments, [("XDG_CACHE_HOME", folder["cache"]), ("XDG_DATA_HOME", folder["data"]), .. environment]);
}
