namespace Wherry.Tests.Execution.Threads;

/// <summary>
/// Litmus tests: small programs of two to four threads, run thousands of times each, whose outcomes show what order the accesses took. Only outcomes
/// that the memory model of the threads proposal forbids are failures: atomic accesses are sequentially consistent, and an atomic read that sees an
/// atomic write sees all that came before it.
/// </summary>
[Collection(nameof(Alone))]
public sealed class LitmusTests
{
    private const int Rounds = 20_000;

    // Each round has cells of its own: variables at 0 and 64, in different cache lines, results at 128 to 140, a meeting point at 192.
    private const int CellsStart = 64;
    private const int CellsSize = 256;

    // The threads of a round meet at its start, but don't insist: on one processor they would wait for one another's time slices.
    private const string Meeting = """
        (func $meet (param $cells i32) (param $count i32) (param $delay i32) (local $patience i32)
          (drop (i32.atomic.rmw.add offset=192 (local.get $cells) (i32.const 1)))
          (local.set $patience (i32.const 400))
          (loop $again
            (local.set $patience (i32.sub (local.get $patience) (i32.const 1)))
            (br_if $again (i32.and
              (i32.lt_u (i32.atomic.load offset=192 (local.get $cells)) (local.get $count))
              (i32.ne (local.get $patience) (i32.const 0)))))
          ;; Then each delays a little, differently in each round: the later of two sees the meeting before the earlier one.
          (local.set $patience (local.get $delay))
          (loop $again
            (br_if $again (i32.ge_s (local.tee $patience (i32.sub (local.get $patience) (i32.const 1))) (i32.const 0)))))
        """;

    public static TheoryData<BoundsChecks> Modes => [BoundsChecks.Guard, BoundsChecks.Explicit];

    [Theory]
    [MemberData(nameof(Modes))]
    public void Message_passing_by_a_store(BoundsChecks checks) => RunRounds(
        checks,
        [
            "(i32.store (local.get $c) (i32.const 1)) (i32.atomic.store offset=64 (local.get $c) (i32.const 1))",
            "(i32.store offset=128 (local.get $c) (i32.atomic.load offset=64 (local.get $c))) (i32.store offset=132 (local.get $c) (i32.load (local.get $c)))",
        ],
        (flag, data, _, _) => flag == 1 && data == 0);

    [Theory]
    [MemberData(nameof(Modes))]
    public void Message_passing_by_read_modify_write(BoundsChecks checks) => RunRounds(
        checks,
        [
            "(i64.store8 offset=3 (local.get $c) (i64.const 1)) (drop (i32.atomic.rmw8.or_u offset=64 (local.get $c) (i32.const 1)))",
            """
            (i32.store offset=128 (local.get $c) (i32.atomic.rmw.cmpxchg offset=64 (local.get $c) (i32.const 7) (i32.const 7)))
            (i32.store offset=132 (local.get $c) (i32.load8_u offset=3 (local.get $c)))
            """,
        ],
        (flag, data, _, _) => flag == 1 && data == 0);

    [Theory]
    [MemberData(nameof(Modes))]
    public void Store_buffering(BoundsChecks checks) => RunRounds(
        checks,
        [
            "(i32.atomic.store (local.get $c) (i32.const 1)) (i32.store offset=128 (local.get $c) (i32.atomic.load offset=64 (local.get $c)))",
            "(i32.atomic.store offset=64 (local.get $c) (i32.const 1)) (i32.store offset=132 (local.get $c) (i32.atomic.load (local.get $c)))",
        ],
        (first, second, _, _) => first == 0 && second == 0);

    [Theory]
    [MemberData(nameof(Modes))]
    public void Store_buffering_of_every_width(BoundsChecks checks)
    {
        foreach ((string store, string load, string type) in new[]
        {
            ("i32.atomic.store8", "i32.atomic.load8_u", "i32"), ("i32.atomic.store16", "i32.atomic.load16_u", "i32"),
            ("i64.atomic.store8", "i64.atomic.load8_u", "i64"), ("i64.atomic.store16", "i64.atomic.load16_u", "i64"),
            ("i64.atomic.store32", "i64.atomic.load32_u", "i64"), ("i64.atomic.store", "i64.atomic.load", "i64"),
        })
        {
            RunRounds(
                checks,
                [
                    $"({store} (local.get $c) ({type}.const 1)) ({type}.store32 offset=128 (local.get $c) ({load} offset=64 (local.get $c)))".Replace("i32.store32", "i32.store", StringComparison.Ordinal),
                    $"({store} offset=64 (local.get $c) ({type}.const 1)) ({type}.store32 offset=132 (local.get $c) ({load} (local.get $c)))".Replace("i32.store32", "i32.store", StringComparison.Ordinal),
                ],
                (first, second, _, _) => first == 0 && second == 0,
                rounds: Rounds / 4);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Load_buffering(BoundsChecks checks) => RunRounds(
        checks,
        [
            "(i32.store offset=128 (local.get $c) (i32.atomic.load (local.get $c))) (i32.atomic.store offset=64 (local.get $c) (i32.const 1))",
            "(i32.store offset=132 (local.get $c) (i32.atomic.load offset=64 (local.get $c))) (i32.atomic.store (local.get $c) (i32.const 1))",
        ],
        (first, second, _, _) => first == 1 && second == 1);

    [Theory]
    [MemberData(nameof(Modes))]
    public void Independent_reads_of_independent_writes(BoundsChecks checks) => RunRounds(
        checks,
        [
            "(i32.atomic.store (local.get $c) (i32.const 1))",
            "(i32.atomic.store offset=64 (local.get $c) (i32.const 1))",
            """
            (i32.store offset=128 (local.get $c) (i32.atomic.load (local.get $c)))
            (i32.store offset=132 (local.get $c) (i32.atomic.load offset=64 (local.get $c)))
            """,
            """
            (i32.store offset=136 (local.get $c) (i32.atomic.load offset=64 (local.get $c)))
            (i32.store offset=140 (local.get $c) (i32.atomic.load (local.get $c)))
            """,
        ],
        (x1, y1, y2, x2) => x1 == 1 && y1 == 0 && y2 == 1 && x2 == 0);

    [Theory]
    [MemberData(nameof(Modes))]
    public void Coherence_of_one_cell(BoundsChecks checks) => RunRounds(
        checks,
        [
            "(i32.atomic.store (local.get $c) (i32.const 1)) (i32.atomic.store (local.get $c) (i32.const 2))",
            """
            (i32.store offset=128 (local.get $c) (i32.atomic.load (local.get $c)))
            (i32.store offset=132 (local.get $c) (i32.atomic.load (local.get $c)))
            """,
            """
            (i32.store offset=136 (local.get $c) (i32.atomic.load (local.get $c)))
            (i32.store offset=140 (local.get $c) (i32.atomic.load (local.get $c)))
            """,
        ],
        (a, b, c, d) => a > b || c > d);

    [Theory]
    [MemberData(nameof(Modes))]
    public void Two_writers_are_seen_in_one_order(BoundsChecks checks) => RunRounds(
        checks,
        [
            "(i32.atomic.store (local.get $c) (i32.const 1))",
            "(i32.atomic.store (local.get $c) (i32.const 2))",
            """
            (i32.store offset=128 (local.get $c) (i32.atomic.load (local.get $c)))
            (i32.store offset=132 (local.get $c) (i32.atomic.load (local.get $c)))
            """,
            """
            (i32.store offset=136 (local.get $c) (i32.atomic.load (local.get $c)))
            (i32.store offset=140 (local.get $c) (i32.atomic.load (local.get $c)))
            """,
        ],
        (a, b, c, d) => (a == 1 && b == 2 && c == 2 && d == 1) || (a == 2 && b == 1 && c == 1 && d == 2) || (a != 0 && b == 0) || (c != 0 && d == 0));

    private static void RunRounds(BoundsChecks checks, string[] threads, Func<int, int, int, int, bool> isForbidden, int rounds = Rounds)
    {
        int pages = ((CellsStart + (rounds * CellsSize)) / 65536) + 1;
        string functions = string.Concat(threads.Select((body, index) => $"""
            (func $step{index} (param $c i32) {body})
            (func (export "t{index}") (local $c i32)
              (local.set $c (i32.const {CellsStart}))
              (loop $next
                (call $meet (local.get $c) (i32.const {threads.Length}) (i32.and (i32.mul (i32.shr_u (local.get $c) (i32.const 8)) (i32.const {(index * 30) + 17})) (i32.const 127)))
                (call $step{index} (local.get $c))
                (local.set $c (i32.add (local.get $c) (i32.const {CellsSize})))
                (br_if $next (i32.lt_u (local.get $c) (i32.const {CellsStart + (rounds * CellsSize)})))))
            """));
        Module module = Guests.Load($"""(module (import "env" "memory" (memory {pages} {pages} shared)) {Meeting} {functions})""", checks);
        using Memory memory = Memory.Create(module.Engine, new MemoryType((ulong)pages, (ulong)pages, IsShared: true));
        GuestThreads.Run(module, memory, [.. threads.Select((_, index) => $"t{index}")]);

        using MemoryLease lease = memory.Lease();
        for (int round = 0; round < rounds; round++)
        {
            ReadOnlySpan<byte> cells = lease.Slice((ulong)(CellsStart + (round * CellsSize)), CellsSize);
            int[] results = [.. Enumerable.Range(0, 4).Select(index => BitConverter.ToInt32(lease.Slice((ulong)(CellsStart + (round * CellsSize) + 128 + (index * 4)), 4)))];
            Assert.Equal(threads.Length, BitConverter.ToInt32(cells[192..]));
            Assert.False(isForbidden(results[0], results[1], results[2], results[3]), $"round {round} had the forbidden outcome {string.Join(", ", results)}");
        }
    }
}
