using System.Text;

namespace Wherry.Cli.Tests;

/// <summary>A module's initialization, run once: what it leaves is saved, what can't be saved is refused.</summary>
public sealed class PreinitTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task Memory_globals_and_tables_are_saved()
    {
        string saved = await SaveAsync("""
            (module
              (memory (export "memory") 1)
              (data $text "passive")
              (data $dropped "dropped")
              (table 3 10 funcref)
              (elem $functions func $one)
              (elem declare func $two)
              (global $counter (export "counter") (mut i64) (i64.const 0))
              (global $vector (mut v128) (v128.const i64x2 0 0))
              (global $half (mut f32) (f32.const 0))
              (global $function (mut funcref) (ref.null func))
              (func $one (result i32) (i32.const 1))
              (func $two (result i32) (i32.const 2))
              (start $start)
              (func $start (i32.store8 (i32.const 9) (i32.add (i32.load8_u (i32.const 9)) (i32.const 1))))
              (func (export "_initialize") (i32.store8 (i32.const 10) (i32.const 1)))
              (func (export "init")
                (if (i32.eqz (i32.load8_u (i32.const 10))) (then unreachable))
                (drop (memory.grow (i32.const 2)))
                (i32.store (i32.const 150000) (i32.const 77))
                (memory.init $text (i32.const 200) (i32.const 0) (i32.const 7))
                (data.drop $dropped)
                (global.set $counter (i64.const -5))
                (global.set $vector (v128.const i64x2 6 7))
                (global.set $half (f32.const 0.5))
                (global.set $function (ref.func $two))
                (drop (table.grow (ref.func $two) (i32.const 4)))
                (table.set (i32.const 1) (ref.func $one)))
              (func (export "check") (result i32)
                (if (i32.ne (memory.size) (i32.const 3)) (then (return (i32.const 1))))
                (if (i32.ne (i32.load (i32.const 150000)) (i32.const 77)) (then (return (i32.const 2))))
                (if (i32.ne (i32.load8_u (i32.const 206)) (i32.const 101)) (then (return (i32.const 3))))
                (if (i64.ne (global.get $counter) (i64.const -5)) (then (return (i32.const 4))))
                (if (i32.eqz (v128.any_true (global.get $vector))) (then (return (i32.const 5))))
                (if (f32.ne (global.get $half) (f32.const 0.5)) (then (return (i32.const 6))))
                (if (i32.ne (call_ref $getter (ref.cast (ref $getter) (global.get $function))) (i32.const 2)) (then (return (i32.const 7))))
                (if (i32.ne (call_indirect (result i32) (i32.const 6)) (i32.const 2)) (then (return (i32.const 8))))
                (if (i32.ne (call_indirect (result i32) (i32.const 1)) (i32.const 1)) (then (return (i32.const 9))))
                (if (i32.ne (table.size) (i32.const 7)) (then (return (i32.const 10))))
                (if (i32.ne (i32.load8_u (i32.const 9)) (i32.const 1)) (then (return (i32.const 11))))
                (memory.init $text (i32.const 300) (i32.const 0) (i32.const 7))
                (table.init $functions (i32.const 0) (i32.const 0) (i32.const 1))
                (i32.const 0))
              (type $getter (func (result i32)))
              (func (export "dropped") (memory.init $dropped (i32.const 0) (i32.const 0) (i32.const 1))))
            """);
        Assert.Equal("0", (await RunningCommand.WherryAsync("run", "--invoke", "check", saved)).Expect(0).Output.Trim());
        Assert.Contains("out of bounds", (await RunningCommand.WherryAsync("run", "--invoke", "dropped", saved)).Expect(134).Error, StringComparison.Ordinal);
        Result inspected = await RunningCommand.WherryAsync("inspect", saved);
        Assert.DoesNotContain("init", inspected.Expect(0).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("clock", "clock_time_get", "(param i32 i64 i32) (result i32)", "(i32.const 0) (i64.const 0) (i32.const 8)")]
    [InlineData("random", "random_get", "(param i32 i32) (result i32)", "(i32.const 0) (i32.const 8)")]
    [InlineData("environment", "environ_sizes_get", "(param i32 i32) (result i32)", "(i32.const 0) (i32.const 8)")]
    [InlineData("environment", "args_sizes_get", "(param i32 i32) (result i32)", "(i32.const 0) (i32.const 8)")]
    [InlineData("files", "fd_prestat_get", "(param i32 i32) (result i32)", "(i32.const 3) (i32.const 8)")]
    [InlineData("files", "fd_read", "(param i32 i32 i32 i32) (result i32)", "(i32.const 0) (i32.const 8) (i32.const 1) (i32.const 64)")]
    [InlineData("sockets", "sock_open", "(param i32 i32 i32) (result i32)", "(i32.const 1) (i32.const 99) (i32.const 8)")]
    public async Task What_all_instances_would_share_is_refused_unless_it_is_allowed(string permission, string function, string type, string arguments)
    {
        string module = Write($"""
            (module
              (import "wasi_snapshot_preview1" "{function}" (func $f {type}))
              (memory (export "memory") 1)
              (func (export "init") (drop (call $f {arguments}))))
            """);
        Result refused = await RunningCommand.WherryAsync("preinit", "--init", "init", module);
        Assert.Contains(function, refused.Expect(126).Error, StringComparison.Ordinal);
        Assert.Contains($"--allow {permission}", refused.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(folder["app.init.wasm"]));
        (await RunningCommand.WherryAsync("preinit", "--init", "init", "--allow", permission, module)).Expect(0);
        Assert.True(File.Exists(folder["app.init.wasm"]));
    }

    [Theory]
    [InlineData("(global (mut (ref null struct)) (ref.null struct)) (type $s (struct)) (func (export \"init\") (global.set 0 (struct.new $s)))", "global 0 holds a struct")]
    [InlineData("(table 2 arrayref) (type $a (array i32)) (func (export \"init\") (table.set (i32.const 1) (array.new_default $a (i32.const 3))))", "element 1 of table 0 holds an array")]
    [InlineData("(import \"host\" \"memory\" (memory 1)) (func (export \"init\"))", "imports a memory")]
    [InlineData("(import \"host\" \"global\" (global (mut i32))) (func (export \"init\"))", "imports a global")]
    [InlineData("(import \"host\" \"f\" (func $f)) (func (export \"init\") (call $f))", "nothing provides")]
    [InlineData("(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32))) (memory (export \"memory\") 1) (func (export \"init\") (call $exit (i32.const 3)))", "exit code 3")]
    public async Task What_can_not_be_saved_is_an_error(string fields, string message)
    {
        string module = Write($"(module {fields})");
        Result result = await RunningCommand.WherryAsync("preinit", "--init", "init", module);
        Assert.Contains(message, result.Expect(126).Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(folder["app.init.wasm"]));
    }

    [Fact]
    public async Task Files_are_read_from_a_folder_that_was_given_and_must_be_closed()
    {
        File.WriteAllText(folder["data"], "a");
        string module = Write("""
            (module
              (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
              (memory (export "memory") 1)
              (data (i32.const 0) "data")
              (func $do_open
                (if (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)) (then unreachable)))
              (func (export "leave") (call $do_open))
              (func (export "close") (call $do_open) (drop (call $close (i32.load (i32.const 16)))))
              (func (export "descriptor") (result i32) (i32.load (i32.const 16))))
            """);
        string gift = $"/:{Path.GetDirectoryName(folder["data"])}";
        Result left = await RunningCommand.WherryAsync("preinit", "--init", "leave", "--dir", gift, module);
        Assert.Contains("left files or sockets open", left.Expect(126).Error, StringComparison.Ordinal);
        (await RunningCommand.WherryAsync("preinit", "--init", "close", "--dir", gift, "-o", folder["closed.wasm"], module)).Expect(0);
        Assert.Equal("4", (await RunningCommand.WherryAsync("run", "--invoke", "descriptor", folder["closed.wasm"])).Expect(0).Output.Trim());
    }

    [Fact]
    public async Task A_trap_and_the_end_of_the_time_are_told()
    {
        string module = Write("(module (func (export \"trap\") unreachable) (func (export \"loop\") (loop (br 0))) (func (export \"typed\") (param i32)))");
        Assert.Contains("trap: unreachable", (await RunningCommand.WherryAsync("preinit", "--init", "trap", module)).Expect(134).Error, StringComparison.Ordinal);
        Assert.Contains("time limit", (await RunningCommand.WherryAsync("preinit", "--init", "loop", "--time-limit", "50", module)).Expect(124).Error, StringComparison.Ordinal);
        Assert.Contains("'typed'", (await RunningCommand.WherryAsync("preinit", "--init", "typed", module)).Expect(2).Error, StringComparison.Ordinal);
        Assert.Contains("--init", (await RunningCommand.WherryAsync("preinit", module)).Expect(2).Error, StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    private string Write(string text) => folder.Write("app.wat", Encoding.UTF8.GetBytes(text));

    private async Task<string> SaveAsync(string text)
    {
        string saved = folder["saved.wasm"];
        (await RunningCommand.WherryAsync("preinit", "--init", "init", "-o", saved, Write(text))).Expect(0);
        return saved;
    }
}
