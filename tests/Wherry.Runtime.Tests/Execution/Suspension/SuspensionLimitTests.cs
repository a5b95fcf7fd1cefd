using System.Globalization;
using Wherry.Execution.Suspension;

namespace Wherry.Tests.Execution.Suspension;

/// <summary>Functions near what a method can hold, below a wait: they are left and entered again, or keep their thread, and never fail for being written so.</summary>
public sealed class SuspensionLimitTests
{
    private const int Results = 128;

    private static readonly Engine s_engine = new(new EngineOptions { MayWait = static (_, _) => true, WaitTrials = 0 });

    // A class's tests run one after the other.
    private static TaskCompletionSource? s_left;

    /// <summary>Code of one or two bytes that makes and keeps many values.</summary>
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(100, true)]
    [InlineData(480, true)]
    [InlineData(497, true)]
    public void Operands(int calls, bool keepsThread) => AssertRuns(InstantiateWithOperands(calls), keepsThread, 7 + 3);

    [Fact]
    public void Too_many_operands()
    {
        Instance guest = InstantiateWithOperands(520);
        for (int i = 0; i < 2; i++)
        {
            TrapException trap = Assert.Throws<TrapException>(() => Run(guest, out _));
            Assert.Equal(TrapKind.OutOfResources, trap.Kind);
            Assert.Contains("is too large", trap.Message, StringComparison.Ordinal);
        }
    }

    private static Instance InstantiateWithOperands(int calls) => Instantiate($"""
            (func $many (result{Repeat(" i32", Results)}) {Repeat("i32.const 3 ", Results)})
            (func (export "run") (param i32) (result i32)
              {Repeat("call $many ", calls)}
              (call $wait (local.get 0))
              i32.add
              return)
            """);

    [Theory]
    [InlineData(100, 30, false)]
    [InlineData(900, 10, false)]
    [InlineData(29_990, 5, false)]
    [InlineData(31_000, 5, false)]
    [InlineData(49_990, 5, false)]
    [InlineData(300, 290, true)]
    public void Locals(int count, int waits, bool keepsThread)
    {
        // As many as there are waits are alive at each of them.
        Instance guest = Instantiate($"""
            (func (export "run") (param $n i32) (result i32) (local{Repeat(" i32", count)})
              {string.Concat(Enumerable.Range(1, waits).Select(i => Format($"(local.set {count - i} (call $wait (local.get $n)))\n")))}
              (local.get $n)
              {string.Concat(Enumerable.Range(1, waits).Select(i => Format($"(i32.add (local.get {count - i}))\n")))})
            """);
        AssertRuns(guest, keepsThread, 7 * (waits + 1), waits);
    }

    /// <summary>Both sides of the sizes from which on functions are tried out, divided, or compiled elsewhere.</summary>
    [Theory]
    [InlineData(140, false)]
    [InlineData(145, false)]
    [InlineData(850, false)]
    [InlineData(860, false)]
    [InlineData(4_600, true)]
    [InlineData(4_700, true)]
    [InlineData(20_000, true)]
    public void Body_size(int statements, bool keepsThread)
    {
        Instance guest = Instantiate($"""
            (func (export "run") (param $n i32) (result i32) (local $sum i32)
              {Repeat("(local.set $sum (i32.add (local.get $sum) (i32.const 1)))\n", statements)}
              (i32.add (local.get $sum) (call $wait (local.get $n))))
            """);
        AssertRuns(guest, keepsThread, statements + 7);
    }

    [Theory]
    [InlineData(8, false)]
    [InlineData(180, false)]
    [InlineData(400, true)]
    [InlineData(2_500, true)]
    public void Waits(int count, bool keepsThread)
    {
        Instance guest = Instantiate($"""
            (func (export "run") (param $n i32) (result i32)
              (i32.const 0)
              {Repeat("(i32.add (call $wait (i32.const 1)))\n", count)}
              (i32.add (call $wait (local.get $n))))
            """);
        AssertRuns(guest, keepsThread, count + 7, count + 1);
    }

    private static void AssertRuns(Instance guest, bool keepsThread, int expected, int waits = 1)
    {
        // The first wait finds out what is below it.
        Assert.Equal([expected], Run(guest, out _));
        Assert.Equal([expected], Run(guest, out long count));
        Assert.Equal(keepsThread ? 0 : waits, count);
    }

    private static object?[] Run(Instance guest, out long waits)
    {
        var call = new SuspendableCall(guest.GetFunction("run")!, 7);
        while (!call.Run())
        {
            s_left!.SetResult();
            Assert.True(Task.WhenAny(call.WaitsFor!).Wait(Guests.Patience), "what the guest waits for did not happen");
        }

        waits = call.WaitCount;
        return call.Results;
    }

    private static Instance Instantiate(string functions)
    {
        var linker = new Linker(s_engine);
        var store = new Store(s_engine);
        linker.DefineFunction("host", "wait", async ValueTask<int> (int value) =>
        {
            if (!store.CanSuspend)
            {
                await Task.Yield();
                return value;
            }

            // What is over before the guest is left is no wait.
            s_left = new TaskCompletionSource();
            await s_left.Task;
            return value;
        });
        return linker.Instantiate(store, Module.Load(s_engine, WatConverter.ToBinary($"""(module (import "host" "wait" (func $wait (param i32) (result i32))) {functions})""", emitNames: true)));
    }

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
