using Wherry.Tests.Execution;

namespace Wherry.Tests.Execution.Heap;

/// <summary>What a guest may take of the host's heap.</summary>
public sealed class GuestHeapTests
{
    private const long Limit = 16L << 20;

    private const string Lists = """
        (module
          (type $node (struct (field (ref null $node)) (field i64)))
          (type $bytes (array (mut i8)))
          (type $words (array (mut i64)))
          (global $kept (mut (ref null $node)) (ref.null $node))
          (global $count (export "count") (mut i32) (i32.const 0))
          (func (export "keep") (param i32)
            (loop $again
              (global.set $kept (struct.new $node (global.get $kept) (i64.const 1)))
              (global.set $count (i32.add (global.get $count) (i32.const 1)))
              (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
          (func (export "drop") (param i32)
            (loop $again
              (drop (struct.new $node (ref.null $node) (i64.const 1)))
              (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
          (func (export "forget") (global.set $kept (ref.null $node)))
          (func (export "dropArrays") (param i32)
            (loop $again
              (drop (array.new $bytes (i32.const 7) (i32.const 100000)))
              (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
          (type $values (array (mut i31ref)))
          (func (export "integers") (param i32) (local $values (ref $values))
            (local.set $values (array.new_default $values (local.get 0)))
            (loop $again
              (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
              (array.set $values (local.get $values) (local.get 0) (ref.i31 (i32.add (local.get 0) (i32.const 100000))))
              (br_if $again (local.get 0))))
          (func (export "array") (param i32) (result i32) (array.len (array.new_default $words (local.get 0)))))
        """;

    [Fact]
    public void A_guest_that_keeps_everything_traps_near_its_limit_and_goes_on_when_it_lets_go()
    {
        Instance guest = Instantiate();
        Action<int> keep = guest.GetFunction<Action<int>>("keep")!;
        TrapException trap = Assert.Throws<TrapException>(() => keep(10_000_000));
        Assert.Equal(TrapKind.OutOfResources, trap.Kind);
        Assert.Contains("out of memory", trap.Message, StringComparison.Ordinal);

        // A node takes 40 bytes of the host; the specification of the limit leaves a fifth of room.
        long kept = (int)guest.GetGlobal("count")!.Value! * 40L;
        Assert.InRange(kept, Limit * 8 / 10, Limit * 12 / 10);

        guest.GetFunction<Action>("forget")!();
        keep(1_000);
    }

    [Fact]
    public void A_guest_that_drops_everything_never_traps()
    {
        Instance guest = Instantiate();
        guest.GetFunction<Action<int>>("drop")!(3_000_000);
        guest.GetFunction<Action<int>>("dropArrays")!(2_000);
    }

    [Fact]
    public void Integers_as_references_count()
    {
        Instance guest = Instantiate();
        Action<int> keep = guest.GetFunction<Action<int>>("integers")!;

        // Eight bytes for each element, and 32 more for each integer.
        TrapException trap = Assert.Throws<TrapException>(() => keep(1_000_000));
        Assert.Equal(TrapKind.OutOfResources, trap.Kind);
        keep(100_000);
    }

    [Fact]
    public void A_full_neighbour_is_not_noticed()
    {
        Instance full = Instantiate();
        Assert.Throws<TrapException>(() => full.GetFunction<Action<int>>("keep")!(10_000_000));
        Instance other = Instantiate();
        other.GetFunction<Action<int>>("keep")!(100_000);
        GC.KeepAlive(full);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    [InlineData(100_000_000)]
    public void An_array_beyond_the_limit_traps(int length)
    {
        Instance guest = Instantiate();
        TrapException trap = Assert.Throws<TrapException>(() => guest.GetFunction<Func<int, int>>("array")!(length));
        Assert.Equal(TrapKind.OutOfResources, trap.Kind);
        Assert.Equal(1_000, guest.GetFunction<Func<int, int>>("array")!(1_000));
    }

    private static Instance Instantiate()
    {
        Module module = Guests.Load(Lists);
        var store = new Store(module.Engine, new StoreOptions { Limits = new ResourceLimits { HeapBytes = Limit } });
        return new Linker(module.Engine).Instantiate(store, module);
    }
}
