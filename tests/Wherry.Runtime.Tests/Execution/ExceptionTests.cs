namespace Wherry.Tests.Execution;

/// <summary>Exceptions of WebAssembly, seen from .NET.</summary>
public sealed class ExceptionTests
{
    private const string Throwing = """
        (module
          (import "host" "call" (func $host))
          (tag $error (export "error") (param i32 f64))
          (func $recurse (export "recurse") (call $recurse))
          (func (export "throw") (param i32) (throw $error (local.get 0) (f64.const 2.5)))
          (func (export "catchHost") (result i32)
            (block $caught (result i32 f64)
              (try_table (catch $error $caught) (call $host))
              (return (i32.const -1)))
            (drop))
          (func (export "catchAllHost") (result i32)
            (block $caught
              (try_table (catch_all $caught) (call $host))
              (return (i32.const -1)))
            (i32.const 1))
          (func (export "catchAllTrap") (result i32)
            (block $caught
              (try_table (catch_all $caught) (unreachable)))
            (i32.const 1))
          (func (export "catchAllExhaustion") (result i32)
            (block $caught
              (try_table (catch_all $caught) (call $recurse)))
            (i32.const 1))
          (func (export "local") (param i32) (result i32)
            (local $sum i32)
            (loop $again
              (block $caught (result i32 f64)
                (try_table (catch $error $caught) (throw $error (local.get 0) (f64.const 0)))
                (unreachable))
              (drop)
              (local.set $sum (i32.add (local.get $sum)))
              (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (local.get $sum))
          (func (export "legacy") (param i32) (result i32)
            (try (result i32)
              (do (throw $error (local.get 0) (f64.const 1)))
              (catch $error (drop)))))
        """;

    [Fact]
    public void An_exception_that_nobody_catches_reaches_dotnet_with_tag_and_values()
    {
        Instance guest = Instantiate(() => { });
        WasmException error = Assert.Throws<WasmException>(() => guest.GetFunction<Action<int>>("throw")!(7));
        Assert.Same(guest.GetTag("error"), error.Tag);
        Assert.Equal([7, 2.5], error.Values);
    }

    [Fact]
    public void A_guest_catches_what_a_host_function_throws_as_its_exception()
    {
        Instance? guest = null;
        guest = Instantiate(() => throw new WasmException(guest!.GetTag("error")!, 42, 1.0));
        Assert.Equal(42, guest.GetFunction<Func<int>>("catchHost")!());
        Assert.Equal(1, guest.GetFunction<Func<int>>("catchAllHost")!());
    }

    [Fact]
    public void Host_exceptions_and_traps_are_not_caught()
    {
        Instance guest = Instantiate(() => throw new InvalidOperationException("of the host"));
        Assert.Equal("of the host", Assert.Throws<InvalidOperationException>(() => guest.GetFunction<Func<int>>("catchAllHost")!()).Message);
        Assert.Equal(TrapKind.Unreachable, Assert.Throws<TrapException>(() => guest.GetFunction<Func<int>>("catchAllTrap")!()).Kind);
        Assert.Equal(TrapKind.StackExhausted, Assert.Throws<TrapException>(() => guest.GetFunction<Func<int>>("catchAllExhaustion")!()).Kind);
    }

    [Fact]
    public void A_throw_that_is_caught_in_its_own_function_makes_no_exception()
    {
        Instance guest = Instantiate(() => { });
        Func<int, int> local = guest.GetFunction<Func<int, int>>("local")!;
        _ = local(10);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(1_000 * 1_001 / 2, local(1_000));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000);
    }

    [Fact]
    public void The_legacy_form_works_beside_todays() => Assert.Equal(9, Instantiate(() => { }).GetFunction<Func<int, int>>("legacy")!(9));

    // Exceptions are returned within modules with tags, and thrown as the CLR's where one without tags, or the host, is between.
    [Theory]
    [InlineData("direct")]
    [InlineData("indirect")]
    [InlineData("reference")]
    [InlineData("untagged")]
    [InlineData("untaggedIndirect")]
    [InlineData("host")]
    [InlineData("tail")]
    [InlineData("resumed")]
    public void A_thrown_exception_finds_its_handler_whoever_is_between(string way)
    {
        Engine engine = Guests.Load("(module)").Engine;
        var store = new Store(engine);
        var linker = new Linker(engine);
        Instance? thrower = null;
        linker.DefineFunction("host", "call", (int value) => thrower!.GetFunction<Func<int, long>>("throw")!(value));
        linker.DefineInstance("thrower", thrower = linker.Instantiate(store, Load(engine, """
            (module
              (tag $e (export "e") (param i32 externref)) (tag $other)
              (table (export "table") 2 funcref) (elem (i32.const 0) $deep)
              (func $throw (param i32) (result i64) (throw $e (local.get 0) (ref.null extern)))
              (func $deep (export "throw") (param i32) (result i64)
                (block $other
                  (return (try_table (result i64) (catch $other $other) (i64.add (i64.const 1) (call $throw (local.get 0))))))
                (unreachable)))
            """)));
        linker.DefineInstance("untagged", linker.Instantiate(store, Load(engine, """
            (module
              (type $f (func (param i32) (result i64)))
              (import "thrower" "throw" (func $throw (type $f)))
              (import "thrower" "table" (table 2 funcref))
              (func (export "direct") (type $f) (i64.add (i64.const 1) (call $throw (local.get 0))))
              (func (export "indirect") (type $f) (i64.add (i64.const 1) (call_indirect (type $f) (local.get 0) (i32.const 0)))))
            """)));
        Instance catcher = linker.Instantiate(store, Load(engine, """
            (module
              (type $f (func (param i32) (result i64)))
              (import "thrower" "e" (tag $e (param i32 externref)))
              (import "thrower" "throw" (func $throw (type $f)))
              (import "thrower" "table" (table 2 funcref))
              (import "untagged" "direct" (func $untagged (type $f)))
              (import "untagged" "indirect" (func $untaggedIndirect (type $f)))
              (import "host" "call" (func $host (type $f)))
              (tag $mine (param f32))
              (elem declare func $throw)
              (func $choose (param $way i32) (param $value i32) (result i64)
                (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1
                  (br_table $1 $2 $3 $4 $5 $6 $7 (local.get $way)))
                (return (call $throw (local.get $value))))
                (return (call_indirect (type $f) (local.get $value) (i32.const 0))))
                (return (call_ref $f (local.get $value) (ref.func $throw))))
                (return (call $untagged (local.get $value))))
                (return (call $untaggedIndirect (local.get $value))))
                (return (call $host (local.get $value))))
                (return_call_indirect (type $f) (local.get $value) (i32.const 0)))
              (func (export "catch") (param $way i32) (param $value i32) (result i32)
                (block $caught (result i32 externref)
                  (block $mine (result f32)
                    (i32.const 17)
                    (drop (try_table (result i64) (catch $e $caught) (catch $mine $mine) (call $choose (local.get $way) (local.get $value))))
                    (return))
                  (unreachable))
                (drop)
                (i32.add (i32.const 1000)))
              (func $resume (param $way i32) (param $value i32) (result i64)
                (block $caught (result exnref)
                  (return (try_table (result i64) (catch_all_ref $caught) (call $choose (local.get $way) (local.get $value)))))
                (throw_ref))
              (func (export "resumed") (param $value i32) (result i32)
                (block $caught (result i32 externref)
                  (return (i32.wrap_i64 (try_table (result i64) (catch $e $caught) (call $resume (i32.const 3) (local.get $value))))))
                (drop)
                (i32.add (i32.const 1000))))
            """));
        string[] ways = ["direct", "indirect", "reference", "untagged", "untaggedIndirect", "host", "tail"];
        for (int value = 0; value < 10; value++)
        {
            object? result = way == "resumed"
                ? catcher.GetFunction("resumed")!.Invoke(value)[0]
                : catcher.GetFunction("catch")!.Invoke(Array.IndexOf(ways, way), value)[0];
            Assert.Equal(1000 + value, result);
            Assert.Equal([value, null], Assert.Throws<WasmException>(() => thrower!.GetFunction<Func<int, long>>("throw")!(value)).Values);
        }
    }

    [Fact]
    public void A_throw_through_a_few_frames_makes_one_small_exception()
    {
        Instance guest = Guests.Instantiate(
            """
            (module (tag $e (param i32)) (tag $other)
              (func $throw (param i32) (result i32) (throw $e (local.get 0)))
              (func $middle (param i32) (result i32)
                (block $other (return (try_table (result i32) (catch $other $other) (i32.add (i32.const 1) (call $throw (local.get 0))))))
                (i32.const 0))
              (func (export "run") (param i32) (result i32) (local $sum i32)
                (loop $again
                  (block $caught (result i32)
                    (try_table (result i32) (catch $e $caught) (call $middle (local.get 0))))
                  (local.set $sum (i32.add (local.get $sum)))
                  (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
                (local.get $sum)))
            """,
            BoundsChecks.Guard);
        Func<int, int> run = guest.GetFunction<Func<int, int>>("run")!;
        _ = run(10);
        int thrown = 0;
        void Count(object? sender, System.Runtime.ExceptionServices.FirstChanceExceptionEventArgs arguments) =>
            thrown += arguments.Exception is WasmException exception && exception.Tag.Store == guest.Store ? 1 : 0;
        AppDomain.CurrentDomain.FirstChanceException += Count;
        try
        {
            Assert.Equal(1_000 * 1_001 / 2, run(1_000));
        }
        finally
        {
            AppDomain.CurrentDomain.FirstChanceException -= Count;
        }

        Assert.Equal(0, thrown);
    }

    [Fact]
    public void The_values_must_fit_the_tag()
    {
        Tag tag = Instantiate(() => { }).GetTag("error")!;
        Assert.Throws<ArgumentException>(() => new WasmException(tag, 1));
        Assert.Throws<ArgumentException>(() => new WasmException(tag, 1, 2));
    }

    private static Module Load(Engine engine, string text) => Module.Load(engine, WatConverter.ToBinary(text));

    private static Instance Instantiate(Action host)
    {
        Module module = Guests.Load(Throwing);
        var linker = new Linker(module.Engine);
        linker.DefineFunction("host", "call", host);
        return linker.Instantiate(new Store(module.Engine), module);
    }
}
