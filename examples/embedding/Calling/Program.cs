// Loads a module, calls its functions through typed delegates, and shows how traps and limits look.
const string Text = """
    (module
      (memory (export "memory") 1)
      (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
      (func (export "divide") (param i32 i32) (result i32 i32)
        (i32.div_s (local.get 0) (local.get 1)) (i32.rem_s (local.get 0) (local.get 1)))
      (func (export "forever") (loop (br 0)))
    )
    """;

using var engine = new Engine();
var module = Module.Load(engine, WatConverter.ToBinary(Text), "calling.wasm");

// A store bounds what its guests may take; instances in it live as long as anything references them, or the store until it is disposed.
using var store = new Store(engine, new StoreOptions
{
    TimeLimit = TimeSpan.FromSeconds(1),
    Limits = new ResourceLimits { MemoryBytes = 16 << 20 },
});
Instance instance = new Linker(engine).Instantiate(store, module);

// No boxing, no allocation for each call. A wrong signature is told here, not at the call.
Func<int, int, int> add = instance.GetFunction<Func<int, int, int>>("add")!;
Console.WriteLine($"add(40, 2) = {add(40, 2)}");

// Several results are a tuple.
(int quotient, int remainder) = instance.GetFunction<Func<int, int, (int, int)>>("divide")!(17, 5);
Console.WriteLine($"divide(17, 5) = {quotient}, {remainder}");

// A trap is an exception with a kind and the guest's call stack. The guest can be called again.
try
{
    _ = instance.GetFunction("divide")!.Invoke(1, 0);
}
catch (TrapException trap)
{
    Console.WriteLine($"trap {trap.Kind}: {trap.Reason}");
}

// The guest's memory, for as long as the lease lasts.
using (MemoryLease lease = instance.GetMemory("memory")!.Lease())
{
    lease.Span[0] = 7;
    Console.WriteLine($"{lease.Span.Length} bytes of memory");
}

// A call on a thread of its own, ended by the token.
using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
try
{
    _ = await instance.GetFunction("forever")!.CallAsync([], cancellation.Token);
}
catch (OperationCanceledException)
{
    Console.WriteLine("cancelled");
}
