namespace Wherry.Tests.Execution;

/// <summary>Calls through a first table whose declared size is fixed: instances keep its elements at hand.</summary>
public sealed class FixedTableTests
{
    private const string Owner = """
        (module
          (type $f (func (result i32)))
          (table (export "table") 3 3 funcref)
          (elem (i32.const 0) func $one)
          (elem declare func $two)
          (func $one (result i32) (i32.const 1))
          (func $two (result i32) (i32.const 2))
          (func (export "setTwo") (param i32) (table.set (local.get 0) (ref.func $two)))
          (func (export "grow") (param i32) (result i32) (table.grow (ref.null func) (local.get 0)))
          (func (export "call") (param i32) (result i32) (call_indirect (type $f) (local.get 0))))
        """;

    private const string Importer = """
        (module
          (import "owner" "table" (table 3 3 funcref))
          (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0)))
          (func (export "tail") (param i32) (result i32) (return_call_indirect (result i32) (local.get 0)))
          (func $seven (result i32) (i32.const 7))
          (elem declare func $seven)
          (func (export "setSeven") (param i32) (table.set (local.get 0) (ref.func $seven))))
        """;

    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void What_is_put_there_by_one_that_the_loop_calls_is_called_next(BoundsChecks checks)
    {
        const string Text = """
            (module
              (type $f (func (param i32) (result i32)))
              (table 3 3 funcref)
              (elem (i32.const 0) func $change $one $one)
              (elem declare func $two $change)
              (func $one (type $f) (i32.const 1))
              (func $two (type $f) (i32.const 2))
              (func $change (type $f)
                (table.set (i32.const 1) (ref.func $two))
                (table.copy (i32.const 2) (i32.const 0) (i32.const 1))
                (i32.const 10))
              (func (export "sum") (param $n i32) (result i32) (local $i i32) (local $sum i32)
                (loop $l
                  (local.set $sum (i32.add (local.get $sum) (call_indirect (type $f) (local.get $i) (local.get $i))))
                  (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
                (local.get $sum)))
            """;
        Engine engine = Guests.Engine(checks);
        Instance instance = new Linker(engine).Instantiate(new Store(engine), Guests.Load(Text, checks));
        Assert.Equal(10 + 2 + 10, instance.GetFunction<Func<int, int>>("sum")!(3));
        Assert.Equal(TrapKind.UndefinedElement, Assert.Throws<TrapException>(() => instance.GetFunction<Func<int, int>>("sum")!(4)).Kind);
    }

    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void What_is_put_there_by_whomever_is_called(BoundsChecks checks)
    {
        Engine engine = Guests.Engine(checks);
        var store = new Store(engine);
        var linker = new Linker(engine);
        Instance owner = linker.Instantiate(store, Guests.Load(Owner, checks));
        linker.DefineInstance("owner", owner);
        Instance importer = linker.Instantiate(store, Guests.Load(Importer, checks));
        Func<int, int>[] calls = [owner.GetFunction<Func<int, int>>("call")!, importer.GetFunction<Func<int, int>>("call")!, importer.GetFunction<Func<int, int>>("tail")!];
        AssertEach(calls, 0, 1);
        owner.GetFunction<Action<int>>("setTwo")!(1);
        AssertEach(calls, 1, 2);
        importer.GetFunction<Action<int>>("setSeven")!(0);
        AssertEach(calls, 0, 7);
        Table table = owner.GetTable("table")!;
        table[2] = Function.Create(store, () => 9);
        AssertEach(calls, 2, 9);
        Assert.Equal(-1, table.Grow(1, null));
        Assert.Equal(-1, owner.GetFunction<Func<int, int>>("grow")!(1));
        Assert.Equal(3, owner.GetFunction<Func<int, int>>("grow")!(0));
        AssertEach(calls, 2, 9);
        table[2] = null;
        foreach (Func<int, int> call in calls)
        {
            Assert.Equal(TrapKind.UninitializedElement, Assert.Throws<TrapException>(() => call(2)).Kind);
            Assert.Equal(TrapKind.UndefinedElement, Assert.Throws<TrapException>(() => call(3)).Kind);
            Assert.Equal(TrapKind.UndefinedElement, Assert.Throws<TrapException>(() => call(-1)).Kind);
        }
    }

    private static void AssertEach(Func<int, int>[] calls, int index, int expected) => Assert.All(calls, call => Assert.Equal(expected, call(index)));
}
