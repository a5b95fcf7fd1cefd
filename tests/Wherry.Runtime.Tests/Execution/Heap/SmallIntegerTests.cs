namespace Wherry.Tests.Execution.Heap;

/// <summary>References of 31-bit integers, of which common ones are stored without the CLR's write barrier.</summary>
public sealed class SmallIntegerTests
{
    // From below the common ones to beyond them.
    private const int First = -3_000;
    private const int Count = 75_000;

    private const string Values = """
        (module
          (import "host" "collect" (func $collect))
          (type $values (array (mut eqref)))
          (type $pair (struct (field $a (mut eqref)) (field $b (mut i31ref)) (field $n (mut i32))))
          (type $pairs (array (mut (ref null $pair))))
          (global $values (mut (ref null $values)) (ref.null $values))
          (global $pairs (mut (ref null $pairs)) (ref.null $pairs))

          (func (export "make") (param $count i32) (local $i i32)
            (global.set $values (array.new_default $values (local.get $count)))
            (global.set $pairs (array.new_default $pairs (local.get $count)))
            (loop $next
              (array.set $pairs (global.get $pairs) (local.get $i) (struct.new_default $pair))
              (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $count)))))

          ;; Sets what is old by now, and has it moved meanwhile.
          (func (export "set") (param $first i32) (local $i i32) (local $value i32)
            (loop $next
              (local.set $value (i32.add (local.get $first) (local.get $i)))
              (array.set $values (global.get $values) (local.get $i) (ref.i31 (local.get $value)))
              (struct.set $pair $a (array.get $pairs (global.get $pairs) (local.get $i)) (ref.i31 (local.get $value)))
              (struct.set $pair $b (array.get $pairs (global.get $pairs) (local.get $i)) (ref.i31 (i32.eqz (local.get $value))))
              (struct.set $pair $n (array.get $pairs (global.get $pairs) (local.get $i)) (local.get $value))
              (if (i32.eqz (i32.rem_u (local.get $i) (i32.const 10000))) (then (call $collect)))
              (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (array.len (global.get $values))))))

          (func (export "check") (param $first i32) (result i32) (local $i i32) (local $value i32) (local $pair (ref null $pair))
            (loop $next
              (local.set $value (i32.add (local.get $first) (local.get $i)))
              (local.set $pair (array.get $pairs (global.get $pairs) (local.get $i)))
              (if (i32.eqz (i32.and
                    (i32.and
                      (i32.eq (i31.get_s (ref.cast (ref i31) (array.get $values (global.get $values) (local.get $i)))) (local.get $value))
                      (ref.eq (struct.get $pair $a (local.get $pair)) (ref.i31 (local.get $value))))
                    (i32.and
                      (i32.eq (i31.get_u (struct.get $pair $b (local.get $pair))) (i32.eqz (local.get $value)))
                      (i32.eq (struct.get $pair $n (local.get $pair)) (local.get $value)))))
                (then (return (local.get $i))))
              (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (array.len (global.get $values)))))
            (i32.const -1))

          (func (export "wrapped") (param i32) (result i32) (local $values (ref $values))
            (local.set $values (array.new_default $values (i32.const 1)))
            (array.set $values (local.get $values) (i32.const 0) (ref.i31 (local.get 0)))
            (if (i32.eqz (ref.eq (array.get $values (local.get $values) (i32.const 0)) (ref.i31 (local.get 0)))) (then (unreachable)))
            (i31.get_s (ref.cast (ref i31) (array.get $values (local.get $values) (i32.const 0)))))

          (func (export "at") (param i32) (array.set $values (global.get $values) (local.get 0) (ref.i31 (i32.const 1))))
          (func (export "ofNull") (struct.set $pair $a (ref.null $pair) (ref.i31 (i32.const 1)))))
        """;

    [Fact]
    public void Old_objects_hold_those_that_are_stored_to_them()
    {
        Instance guest = Instantiate(static () => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true));
        guest.GetFunction<Action<int>>("make")!(Count);
        GC.Collect();
        GC.Collect();
        for (int first = First; first < First + 3; first++)
        {
            guest.GetFunction<Action<int>>("set")!(first);
            GC.Collect(0);
            GC.Collect();
            Assert.Equal(-1, guest.GetFunction<Func<int, int>>("check")!(first));
        }
    }

    [Fact]
    public void Guests_on_several_threads_share_the_common_ones()
    {
        var wrong = new int[4];
        Thread[] threads =
        [
            .. Enumerable.Range(0, wrong.Length).Select(number => new Thread(() =>
            {
                // A collection that runs beside them, too.
                Instance guest = Instantiate(static () => GC.Collect(GC.MaxGeneration, GCCollectionMode.Optimized, blocking: false));
                guest.GetFunction<Action<int>>("make")!(Count);
                guest.GetFunction<Action<int>>("set")!(First);
                wrong[number] = guest.GetFunction<Func<int, int>>("check")!(First);
            })),
        ];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, Guests.Join);
        Assert.All(wrong, static index => Assert.Equal(-1, index));
    }

    [Theory]
    [InlineData(5, 5)]
    [InlineData(-5, -5)]
    [InlineData(int.MinValue + 5, 5)]
    [InlineData(int.MaxValue, -1)]
    [InlineData(int.MaxValue - 2_000, -2_001)]
    [InlineData(0x3FFF_FFFF, 0x3FFF_FFFF)]
    [InlineData(0x4000_0000, -0x4000_0000)]
    [InlineData(65_535, 65_535)]
    [InlineData(65_536, 65_536)]
    [InlineData(-1_024, -1_024)]
    [InlineData(-1_025, -1_025)]
    public void The_value_is_that_of_31_bits(int given, int expected)
    {
        Func<int, int> wrapped = Instantiate(static () => { }).GetFunction<Func<int, int>>("wrapped")!;
        Assert.Equal(expected, wrapped(given));
        Assert.Equal(expected, wrapped(given));
    }

    [Fact]
    public void A_store_beyond_the_array_or_to_null_traps()
    {
        Instance guest = Instantiate(static () => { });
        Action<int> at = guest.GetFunction<Action<int>>("at")!;
        Assert.Equal(TrapKind.NullReference, Assert.Throws<TrapException>(() => at(0)).Kind);
        guest.GetFunction<Action<int>>("make")!(10);
        at(9);
        Assert.Equal(TrapKind.ArrayOutOfBounds, Assert.Throws<TrapException>(() => at(10)).Kind);
        Assert.Equal(TrapKind.ArrayOutOfBounds, Assert.Throws<TrapException>(() => at(-1)).Kind);
        Assert.Equal(TrapKind.NullReference, Assert.Throws<TrapException>(() => guest.GetFunction<Action>("ofNull")!()).Kind);
    }

    private static Instance Instantiate(Action collect) => Guests.Instantiate(Values, define: linker => linker.DefineFunction("host", "collect", collect));
}
