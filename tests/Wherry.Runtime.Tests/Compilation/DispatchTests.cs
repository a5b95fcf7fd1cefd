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

    // Opcodes: 0 end, 1 add the operand, 2 multiply, 3 go back by the operand while the counter is not zero, 4 trap by a load, 5 go on for ever, all others skip.
    private const string Interpreter = """
        (module (memory 1)
          (data (i32.const 0) "\01\05\02\03\09\09\01\01\03\08\00")
          (data (i32.const 64) "\01\01\04\00")
          (data (i32.const 96) "\05\00")
          (func (export "run") (param $at i32) (param $count i32) (result i32) (local $value i32) (local $operand i32)
            (i32.add (i32.const 1000)
              (block $result (result i32)
                (loop $next
                  (block $skip
                    (block $forever
                      (block $trap
                        (block $back
                          (block $multiply
                            (block $add
                              (block $stop
                                (local.set $operand (i32.load8_u offset=1 (local.get $at)))
                                (br_if $skip (i32.gt_u (i32.load8_u (local.get $at)) (i32.const 8)))
                                (br_table $stop $add $multiply $back $trap $forever $skip (i32.load8_u (local.get $at))))
                              (br $result (local.get $value)))
                            (local.set $value (i32.add (local.get $value) (local.get $operand)))
                            (local.set $at (i32.add (local.get $at) (i32.const 2)))
                            (br $next))
                          (local.set $value (i32.mul (local.get $value) (local.get $operand)))
                          (local.set $at (i32.add (local.get $at) (i32.const 2)))
                          (br $next))
                        (local.set $at
                          (select
                            (i32.sub (local.get $at) (local.get $operand))
                            (i32.add (local.get $at) (i32.const 2))
                            (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
                        (br $next))
                      (local.set $value (i32.load (i32.const -4)))
                      (br $next))
                    (br $next))
                  (local.set $at (i32.add (local.get $at) (i32.const 2)))
                  (br $next))
                (unreachable)))))
        """;

    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void An_interpreter_dispatches_at_each_branch_back(BoundsChecks checks)
    {
        Instance guest = Execution.Guests.Instantiate(Interpreter, checks);
        Func<int, int, int> run = guest.GetFunction<Func<int, int, int>>("run")!;
        int value = 0;
        for (int count = 1; count <= 8; count++)
        {
            value = ((value + 5) * 3) + 1;
            Assert.Equal(1000 + value, run(0, count));
        }

        Assert.Equal(TrapKind.MemoryOutOfBounds, Assert.Throws<TrapException>(() => run(64, 1)).Kind);
        Assert.Equal(TrapKind.MemoryOutOfBounds, Assert.Throws<TrapException>(() => run(65535, 1)).Kind);
    }

    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void An_interpreter_without_end_is_interrupted(BoundsChecks checks)
    {
        Instance guest = Execution.Guests.Instantiate(Interpreter, checks, new StoreOptions { TimeLimit = TimeSpan.FromMilliseconds(200) });
        Assert.Equal(TrapKind.TimeLimit, Assert.Throws<TrapException>(() => guest.GetFunction<Func<int, int, int>>("run")!(96, 1)).Kind);
    }
}
