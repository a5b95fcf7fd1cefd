namespace Wherry.Tests.Hosting;

/// <summary>Host functions that are methods of an object that each store has.</summary>
public sealed class StoreObjectTests
{
    private const string Text = """
        (module
          (import "counter" "next" (func $next (result i32)))
          (func (export "next") (result i32) (call $next)))
        """;

    [Fact]
    public void Each_store_has_its_own_object_which_ends_with_it()
    {
        var made = new List<Counter>();
        Linker linker = CreateLinker(made);
        Module module = Module.Load(Engine.Default, WatConverter.ToBinary(Text));
        for (int i = 0; i < 3; i++)
        {
            var store = new Store(Engine.Default);
            Func<int> next = linker.Instantiate(store, module).GetFunction<Func<int>>("next")!;
            Func<int> same = linker.Instantiate(store, module).GetFunction<Func<int>>("next")!;
            Assert.Equal(1, next());
            Assert.Equal(2, same());
            Assert.Equal(i + 1, made.Count);
            Assert.False(made[i].IsDisposed);
            store.Dispose();
            Assert.True(made[i].IsDisposed);
        }
    }

    [Fact]
    public void Each_pooled_instance_has_its_own_object_once_it_calls()
    {
        var made = new List<Counter>();
        using var pool = new InstancePool(CreateLinker(made), Module.Load(Engine.Default, WatConverter.ToBinary(Text)));
        for (int i = 0; i < 3; i++)
        {
            using PooledInstance instance = pool.Instantiate();
            Assert.Equal(i, made.Count);
            Func<int> next = instance.GetFunction<Func<int>>("next")!;
            Assert.Equal(1, next());
            Assert.Equal(2, next());
            Assert.Equal(i + 1, made.Count);
            instance.Dispose();
            Assert.True(made[i].IsDisposed);
        }
    }

    private static Linker CreateLinker(List<Counter> made)
    {
        var linker = new Linker(Engine.Default);
        linker.DefineMethods("counter", _ =>
        {
            var counter = new Counter();
            made.Add(counter);
            return counter;
        });
        return linker;
    }

    private sealed class Counter : IDisposable
    {
        private int _last;

        public bool IsDisposed { get; private set; }

        [WasmFunction("next")]
        public int Next() => ++_last;

        public void Dispose() => IsDisposed = true;
    }
}
