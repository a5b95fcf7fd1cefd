namespace Wherry.Tests.Compilation;

/// <summary>Loops that are small enough to be written several times over: each copy has the loop's ways out, traps at its own place, and all of them are interrupted.</summary>
public sealed class UnrollingTests
{
    private const string Loops = """
        (module (memory 1)
          (func (export "sum") (param $n i32) (param $limit i32) (result i32) (local $sum i32)
            (block $out
              (loop $next
                (br_if $out (i32.ge_u (local.get $sum) (local.get $limit)))
                (local.set $sum (i32.add (local.get $sum) (local.get $n)))
                (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
              (return (i32.add (local.get $sum) (i32.const 1000000))))
            (local.get $sum))
          (func (export "under") (param $n i32) (result i32) (local $i i32)
            (i32.mul (local.get $n)
              (block (result i32)
                (loop $next
                  (local.set $i (i32.add (local.get $i) (i32.const 3)))
                  (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
                (local.get $i))))
          (func (export "continue") (param $n i32) (result i32) (local $odd i32)
            (loop $next
              (if (i32.and (local.get $n) (i32.const 1))
                (then (local.set $odd (i32.add (local.get $odd) (i32.const 1)))))
              (local.set $n (i32.sub (local.get $n) (i32.const 1)))
              (br_if $next (i32.gt_s (local.get $n) (i32.const 0))))
            (local.get $odd))
          (func (export "endless") (param $n i32) (result i32)
            (loop $next
              (if (i32.eqz (local.get $n)) (then (return (i32.const 7))))
              (local.set $n (i32.sub (local.get $n) (i32.const 1)))
              (br $next))
            (unreachable))
          (func (export "fill") (param $at i32)
            (loop $next
              (i32.store (local.get $at) (i32.const -1))
              (local.set $at (i32.add (local.get $at) (i32.const 4)))
              (br $next)))
          (func (export "last") (param $at i32) (result i32) (i32.load (local.get $at)))
          (func (export "forever") (param $n i32)
            (loop $next
              (local.set $n (i32.mul (local.get $n) (i32.const 3)))
              (br_if $next (i32.or (local.get $n) (i32.const 1))))))
        """;

    public static TheoryData<BoundsChecks> Modes => Guests.Modes;

    [Theory]
    [MemberData(nameof(Modes))]
    public void Every_number_of_rounds_ends_where_it_should(BoundsChecks checks)
    {
        Instance guest = Guests.Instantiate(Loops, checks);
        Func<int, int, int> sum = guest.GetFunction<Func<int, int, int>>("sum")!;
        Func<int, int> under = guest.GetFunction<Func<int, int>>("under")!;
        Func<int, int> odd = guest.GetFunction<Func<int, int>>("continue")!;
        Func<int, int> endless = guest.GetFunction<Func<int, int>>("endless")!;
        for (int n = 1; n <= 20; n++)
        {
            Assert.Equal(n * Math.Max(3, (n + 2) / 3 * 3), under(n));
            Assert.Equal((n + 1) / 2, odd(n));
            Assert.Equal(7, endless(n));
            for (int limit = 0; limit <= 220; limit++)
            {
                Assert.Equal(Sum(n, limit), sum(n, limit));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_copy_that_traps_has_done_all_before(BoundsChecks checks)
    {
        for (int rounds = 1; rounds <= 9; rounds++)
        {
            Instance guest = Guests.Instantiate(Loops, checks);
            int start = 65536 - (rounds * 4);
            TrapException trap = Assert.Throws<TrapException>(() => guest.GetFunction<Action<int>>("fill")!(start));
            Assert.Equal(TrapKind.MemoryOutOfBounds, trap.Kind);
            Func<int, int> last = guest.GetFunction<Func<int, int>>("last")!;
            Assert.Equal(0, last(start - 4));
            Assert.Equal(-1, last(start));
            Assert.Equal(-1, last(65532));
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void All_copies_are_interrupted(BoundsChecks checks)
    {
        Instance guest = Guests.Instantiate(Guests.Load(Loops, checks), options: new StoreOptions { TimeLimit = TimeSpan.FromMilliseconds(200) });
        Assert.Equal(TrapKind.TimeLimit, Assert.Throws<TrapException>(() => guest.GetFunction<Action<int>>("forever")!(1)).Kind);
    }

    private static int Sum(int n, int limit)
    {
        int sum = 0;
        do
        {
            if ((uint)sum >= (uint)limit)
            {
                return sum;
            }

            sum += n--;
        }
        while (n != 0);
        return sum + 1_000_000;
    }
}
