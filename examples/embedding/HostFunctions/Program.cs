// Gives a guest functions of the host: lambdas, methods of an object, and one that waits.
using System.Text;

const string Text = """
    (module
      (import "host" "print" (func $print (param i32 i32)))
      (import "host" "now" (func $now (result i64)))
      (import "host" "wait" (func $wait (param i32) (result i32)))
      (import "counter" "increment" (func $increment (param i32) (result i32)))
      (import "objects" "name" (func $name (param externref) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 16) "Hello from the guest")
      (func (export "run") (param externref) (result i32)
        (call $print (i32.const 16) (i32.const 20))
        (if (i64.eqz (call $now)) (then unreachable))
        (drop (call $increment (i32.const 5)))
        (drop (call $increment (i32.const 2)))
        (i32.add (call $wait (i32.const 10)) (call $name (local.get 0))))
    )
    """;

using var engine = new Engine();
var linker = new Linker(engine);

// The caller comes first, if wanted; the span is valid until the function returns. uint and int both stand for i32.
linker.DefineFunction("host", "print", (Caller caller, uint address, uint length) =>
{
    if (!caller.TryGetSpan(address, length, out Span<byte> bytes))
    {
        throw new InvalidOperationException("The guest gave an address beyond its memory.");
    }

    Console.WriteLine(Encoding.UTF8.GetString(bytes));
});
linker.DefineFunction("host", "now", () => DateTimeOffset.UtcNow.ToUnixTimeSeconds());

// The guest's thread waits; the token is cancelled when the guest is interrupted.
linker.DefineFunction("host", "wait", async ValueTask<int> (int milliseconds, CancellationToken token) =>
{
    await Task.Delay(milliseconds, token);
    return milliseconds;
});

// Methods that carry the attribute, under one module name.
var counter = new Counter();
linker.DefineMethods("counter", counter);

// An externref is any object of the host; the guest can only hand it back.
linker.DefineFunction("objects", "name", (Uri? value) => value?.Host.Length ?? 0);

using var store = new Store(engine);
Instance instance = linker.Instantiate(store, Module.Load(engine, WatConverter.ToBinary(Text), "host.wasm"));
int result = instance.GetFunction<Func<Uri, int>>("run")!(new Uri("https://example.org/"));
Console.WriteLine($"the counter is at {counter.Value}, the guest returned {result}");

internal sealed class Counter
{
    public int Value { get; private set; }

    [WasmFunction("increment")]
    public int Increment(int by) => Value += by;
}
