using Wherry.Tests.Execution;

namespace Wherry.Tests.Hosting;

public sealed class LinkerTests
{
    [Fact]
    public void A_missing_import_is_named_with_its_type_and_what_there_is()
    {
        LinkException exception = Assert.Throws<LinkException>(() => Guests.Instantiate(
            """(module (import "host" "missing" (func (param i32 i64) (result f32))))""", define: linker => linker.DefineFunction("host", "other", () => { })));
        Assert.StartsWith("unknown import", exception.Message);
        Assert.Contains("\"host\" \"missing\"", exception.Message);
        Assert.Contains("function (i32, i64) -> (f32)", exception.Message);
        Assert.Contains("other", exception.Message);

        exception = Assert.Throws<LinkException>(() => Guests.Instantiate("""(module (import "wasi_snapshot_preview1" "fd_write" (func)))"""));
        Assert.StartsWith("unknown import", exception.Message);
        Assert.Contains("WASI", exception.Message);
    }

    [Fact]
    public void An_import_of_another_type_is_told_with_both_types()
    {
        LinkException exception = Assert.Throws<LinkException>(() => Guests.Instantiate(
            """(module (import "host" "f" (func (param i32))))""", define: linker => linker.DefineFunction("host", "f", (long value) => value)));
        Assert.StartsWith("incompatible import type", exception.Message);
        Assert.Contains("function (i32) -> ()", exception.Message);
        Assert.Contains("function (i64) -> (i64)", exception.Message);
    }

    [Theory]
    [InlineData("(memory 2)", true)]
    [InlineData("(memory 1 5)", true)]
    [InlineData("(memory 3)", false)]
    [InlineData("(memory 1 4)", false)]
    [InlineData("(memory i64 1)", false)]
    [InlineData("(table 1 funcref)", false)]
    [InlineData("(func)", false)]
    public void The_limits_of_a_memory_must_fit(string import, bool fits)
    {
        using var store = new Store(Engine.Default);
        var linker = new Linker(Engine.Default);
        linker.Define("m", "x", Memory.Create(store, new MemoryType(2, 5)));
        Module module = Module.Load(Engine.Default, WatConverter.ToBinary($"(module (import \"m\" \"x\" {import}))"));
        Exception? exception = Record.Exception(() => linker.Instantiate(store, module));
        Assert.Equal(fits, exception is null);
        Assert.True(fits || exception is LinkException, exception?.ToString());
    }

    [Theory]
    [InlineData("(global i32)", true)]
    [InlineData("(global (mut i32))", false)]
    [InlineData("(global i64)", false)]
    public void The_mutability_of_a_global_must_be_the_same(string import, bool fits)
    {
        using var store = new Store(Engine.Default);
        var linker = new Linker(Engine.Default);
        linker.Define("m", "x", Global.Create(store, new GlobalType(WasmValueType.I32, false), 7));
        Module module = Module.Load(Engine.Default, WatConverter.ToBinary($"(module (import \"m\" \"x\" {import}))"));
        Assert.Equal(fits, Record.Exception(() => linker.Instantiate(store, module)) is null);
    }

    [Fact]
    public void Of_several_definitions_the_first_that_fits_is_taken()
    {
        Instance guest = Guests.Instantiate(
            """
            (module
              (import "host" "f" (func $one (param i32) (result i32)))
              (import "host" "f" (func $two (param i32 i32) (result i32)))
              (func (export "run") (result i32) (i32.add (call $one (i32.const 1)) (call $two (i32.const 2) (i32.const 3))))
            )
            """,
            define: linker =>
            {
                linker.DefineFunction("host", "f", (int a) => a * 100);
                linker.DefineFunction("host", "f", (int a, int b) => (a * 10) + b);
                linker.DefineFunction("host", "f", (int a) => -1);
            });
        Assert.Equal(123, guest.GetFunction<Func<int>>("run")!());
    }

    [Fact]
    public void Shadowing_replaces_and_instances_can_be_imported()
    {
        var store = new Store(Engine.Default);
        var linker = new Linker(Engine.Default) { AllowShadowing = true };
        Instance first = linker.Instantiate(store, Module.Load(Engine.Default, WatConverter.ToBinary(
            """(module (func (export "f") (result i32) (i32.const 1)) (memory (export "m") 1) (global (export "g") (mut i32) (i32.const 5)) (table (export "t") 3 funcref))""")));
        linker.DefineFunction("a", "f", () => 2);
        linker.DefineInstance("a", first);
        Instance second = linker.Instantiate(store, Module.Load(Engine.Default, WatConverter.ToBinary(
            """
            (module
              (import "a" "f" (func $f (result i32)))
              (import "a" "m" (memory 1))
              (import "a" "g" (global $g (mut i32)))
              (import "a" "t" (table 3 funcref))
              (export "again" (func $f))
              (func (export "run") (result i32)
                (global.set $g (i32.add (global.get $g) (i32.const 1)))
                (i32.store8 (i32.const 9) (i32.const 77))
                (call $f))
            )
            """)));
        Assert.Equal(1, second.GetFunction<Func<int>>("run")!());
        Assert.Equal(6, first.GetGlobal("g")!.Value);
        Assert.Equal(3, first.GetTable("t")!.Size);
        using MemoryLease lease = first.GetMemory("m")!.Lease();
        Assert.Equal(77, lease.Span[9]);
        Assert.Equal(1, second.GetFunction<Func<int>>("again")!());
        Assert.Null(second.GetFunction("none"));
        Assert.Null(second.GetMemory("run"));

        using var otherStore = new Store(Engine.Default);
        LinkException exception = Assert.Throws<LinkException>(() => linker.Instantiate(otherStore, second.Module));
        Assert.Contains("another store", exception.Message);
    }

    [Fact]
    public void A_host_function_reaches_its_callers_memory_and_gets_a_token()
    {
        string? text = null;
        bool isOutside = false;
        Instance guest = Guests.Instantiate(
            """
            (module
              (import "host" "log" (func $log (param i32 i32) (result i32)))
              (memory (export "memory") 1)
              (data (i32.const 100) "hello")
              (func (export "run") (param i32 i32) (result i32) (call $log (local.get 0) (local.get 1)))
            )
            """,
            define: linker => linker.DefineFunction("host", "log", (Caller caller, uint address, uint length, CancellationToken token) =>
            {
                Assert.False(token.IsCancellationRequested);
                isOutside = !caller.TryGetSpan(address, length, out Span<byte> span);
                text = System.Text.Encoding.UTF8.GetString(span);
                return isOutside ? 0 : (uint)caller.Instance.Exports.Count;
            }));
        Func<int, int, int> run = guest.GetFunction<Func<int, int, int>>("run")!;
        Assert.Equal(2, run(100, 5));
        Assert.Equal("hello", text);
        Assert.Equal(0, run(65530, 7));
        Assert.True(isOutside);
        Assert.Equal(0, run(-1, 1));
        Assert.True(isOutside);
    }

    [Fact]
    public void Methods_with_the_attribute_become_functions()
    {
        var host = new Calculator();
        Instance guest = Guests.Instantiate(
            """
            (module
              (import "calculator" "add" (func $add (param i32 i32)))
              (import "calculator" "total" (func $total (result i64)))
              (import "calculator" "double" (func $double (param i32) (result i32)))
              (func (export "run") (result i64) (call $add (i32.const 1) (call $double (i32.const 4))) (call $total))
            )
            """,
            define: linker => linker.DefineMethods("calculator", host));
        Assert.Equal(9, guest.GetFunction<Func<long>>("run")!());
        _ = Assert.Throws<ArgumentException>(() => new Linker(Engine.Default).DefineMethods("none", new object()));
    }

    [Fact]
    public void Values_of_all_types_go_both_ways()
    {
        object token = new();
        Instance guest = Guests.Instantiate(
            """
            (module
              (import "host" "echo" (func $echo (param i32 i64 f32 f64 externref funcref) (result i32 i64 f32 f64 externref funcref)))
              (func (export "run") (param i32 i64 f32 f64 externref funcref) (result i32 i64 f32 f64 externref funcref)
                (call $echo (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5)))
            )
            """,
            define: linker => linker.DefineFunction("host", "echo", (uint a, long b, float c, double d, object? e, Function? f) => (a, b, c, d, e, f)));
        Function run = guest.GetFunction("run")!;
        Assert.Equal([-1, 2L, 3f, 4.0, token, run], run.Invoke(-1, 2L, 3f, 4.0, token, run));
        Func<int, long, float, double, object?, Function?, (int, long, float, double, object?, Function?)> typed =
            run.As<Func<int, long, float, double, object?, Function?, (int, long, float, double, object?, Function?)>>();
        Assert.Equal((-1, 2L, 3f, 4.0, token, run), typed(-1, 2L, 3f, 4.0, token, run));
        Assert.Equal((0, 0L, 0f, 0.0, null, null), typed(0, 0, 0, 0, null, null));
    }

    [Fact]
    public void Limits_stop_growth_and_instances()
    {
        var options = new StoreOptions { Limits = new ResourceLimits { MemoryBytes = 3 << 16, TableElements = 100, Instances = 2 } };
        Instance guest = Guests.Instantiate(
            """
            (module
              (memory 1)
              (table $t 10 funcref)
              (func (export "memory") (param i32) (result i32) (memory.grow (local.get 0)))
              (func (export "table") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0)))
            )
            """,
            options: options);
        Func<int, int> growMemory = guest.GetFunction<Func<int, int>>("memory")!;
        Func<int, int> growTable = guest.GetFunction<Func<int, int>>("table")!;
        Assert.Equal(-1, growMemory(3));
        Assert.Equal(1, growMemory(2));
        Assert.Equal(-1, growMemory(1));
        Assert.Equal(-1, growTable(91));
        Assert.Equal(-1, growTable(-1));
        Assert.Equal(10, growTable(90));
        Assert.Equal(-1, growTable(1));

        var linker = new Linker(guest.Module.Engine);
        Module small = Guests.Load("(module)");
        LinkException exception = Assert.Throws<LinkException>(() => linker.Instantiate(guest.Store, guest.Module));
        Assert.Contains("limit", exception.Message);
        var kept = new List<Instance>();
        exception = Assert.Throws<LinkException>(() =>
        {
            for (int i = 0; i < 10; i++)
            {
                kept.Add(linker.Instantiate(guest.Store, small));
            }
        });
        Assert.Contains("Instances", exception.Message);
    }

    private sealed class Calculator
    {
        private long _total;

        [WasmFunction("add")]
        public void Add(int a, int b) => _total += a + b;

        [WasmFunction("total")]
        private ValueTask<long> TotalAsync() => ValueTask.FromResult(_total);

        [WasmFunction("double")]
        private static int Double(Caller caller, int value) => caller.Store.IsRunning ? value * 2 : 0;
    }
}
