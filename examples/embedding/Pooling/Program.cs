// Gives each request an instance of its own, in microseconds: none sees what another one left.
using System.Text;
using Wherry.Wasi;

// It counts its requests in its memory, and greets the one whom its environment names.
const string Text = """
    (module
      (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 0) "\00\01\00\00\09\00\00\00")
      (func (export "handle") (result i32)
        (drop (call $environ_get (i32.const 64) (i32.const 256)))
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
        (i32.store (i32.const 128) (i32.add (i32.load (i32.const 128)) (i32.const 1)))
        (i32.load (i32.const 128)))
    )
    """;

using var engine = new Engine();
var linker = new Linker(engine);

// A context for each instance, made when it first calls WASI; the user state tells whose it is.
WasiContext.AddTo(linker, store => (WasiOptions)store.UserState!);

using var pool = new InstancePool(linker, Module.Load(engine, WatConverter.ToBinary(Text), "greeter.wasm"), new InstancePoolOptions { MaximumInstances = 100 });
foreach (string name in new[] { "Ada", "Bob", "Cleo" })
{
    using var output = new MemoryStream();
    using (PooledInstance instance = pool.Instantiate(new WasiOptions { Environment = new Dictionary<string, string> { ["NAME"] = name }, StandardOutput = output }))
    {
        int count = instance.GetFunction<Func<int>>("handle")!();
        Console.WriteLine($"{Encoding.UTF8.GetString(output.ToArray()).TrimEnd('\0')}: request {count} of this instance");
    }
}

Console.WriteLine($"{pool.InstancesInUse} in use");
