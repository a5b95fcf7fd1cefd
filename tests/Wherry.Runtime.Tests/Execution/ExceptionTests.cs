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

    [Fact]
    public void The_values_must_fit_the_tag()
    {
        Tag tag = Instantiate(() => { }).GetTag("error")!;
        Assert.Throws<ArgumentException>(() => new WasmException(tag, 1));
        Assert.Throws<ArgumentException>(() => new WasmException(tag, 1, 2));
    }

    private static Instance Instantiate(Action host)
    {
        Module module = Guests.Load(Throwing);
        var linker = new Linker(module.Engine);
        linker.DefineFunction("host", "call", host);
        return linker.Instantiate(new Store(module.Engine), module);
    }
}
