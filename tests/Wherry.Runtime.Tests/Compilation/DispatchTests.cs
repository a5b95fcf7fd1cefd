namespace Wherry.Tests.Compilation;

/// <summary>Loops that start by branching on a local, as Go writes them: branches to them go to the right block, and can be interrupted.</summary>
public sealed class DispatchTests
{
    private const string Machine = """
        (module
          (func (export "run") (param $n i32) (result i32)
            (local $pc i32) (local $sum i32)
            (loop $next
              (block $stop
                (block $three
                  (block $two
                    (block $one
                      (br_table $one $two $three $stop (local.get $pc)))
                    ;; 0: forward, past the next block
                    (local.set $sum (i32.add (local.get $sum) (i32.const 1)))
                    (local.set $pc (i32.const 2))
                    (br $next))
                  ;; 1: only reached backward
                  (local.set $sum (i32.add (local.get $sum) (i32.const 100)))
                  (if (i32.eqz (local.tee $n (i32.sub (local.get $n) (i32.const 1))))
                    (then (local.set $pc (i32.const 77)) (br $next)))
                  (local.set $pc (i32.const 0))
                  (br $next))
                ;; 2: backward
                (local.set $sum (i32.add (local.get $sum) (i32.const 10)))
                (local.set $pc (i32.const 1))
                (br $next)))
            (i32.add (local.get $sum) (i32.mul (local.get $pc) (i32.const 10000))))
          (func (export "forever") (local $pc i32)
            (loop $next
              (block $two
                (block $one
                  (br_table $one $two (local.get $pc)))
                (local.set $pc (i32.const 1))
                (br $next))
              (local.set $pc (i32.const 0))
              (br $next))))
        """;

    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void Known_targets_are_reached_and_the_local_keeps_its_value(BoundsChecks checks) =>
        Assert.Equal(770_000 + (3 * 111), Execution.Guests.Instantiate(Machine, checks).GetFunction<Func<int, int>>("run")!(3));

    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void A_cycle_of_known_targets_can_be_interrupted(BoundsChecks checks)
    {
        Instance guest = Execution.Guests.Instantiate(Machine, checks, new StoreOptions { TimeLimit = TimeSpan.FromMilliseconds(200) });
        Assert.Equal(TrapKind.TimeLimit, Assert.Throws<TrapException>(() => guest.GetFunction<Action>("forever")!()).Kind);
    }
}
