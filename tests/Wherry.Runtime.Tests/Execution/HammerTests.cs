using System.Runtime.CompilerServices;

namespace Wherry.Tests.Execution;

public sealed class HammerTests
{
    private const string Text = """
        (module
          (memory (export "memory") 1 64)
          (func (export "check") (param i32) (result i32)
            (i32.store (i32.const 128) (local.get 0))
            (i32.load (i32.const 128)))
          (func (export "outside") (param i32) (result i32) (i32.load (i32.const 0x7FFFFFF0)))
          (func (export "grow") (param i32) (result i32) (memory.grow (i32.const 1)))
          (func (export "forever") (param i32) (result i32) (loop (br 0)) unreachable)
          (func $deep (export "deep") (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))
        )
        """;

    [Fact]
    public void Threads_that_trap_grow_interrupt_and_drop_do_not_disturb_each_other()
    {
        Module module = Guests.Load(Text);
        var failures = new List<Exception>();
        var threads = new Thread[6];
        for (int i = 0; i < threads.Length; i++)
        {
            int seed = i;
            threads[i] = new Thread(() =>
            {
                try
                {
                    Hammer(module, new Random(seed));
                }
                catch (Exception exception)
                {
                    lock (failures)
                    {
                        failures.Add(exception);
                    }
                }
            }, 1536 << 10);
            threads[i].Start();
        }

        foreach (Thread thread in threads)
        {
            Guests.Join(thread);
        }

        Assert.Empty(failures);
    }

    private static void Hammer(Module module, Random random)
    {
        for (int round = 0; round < 60; round++)
        {
            UseOne(module, random);
            if (round % 20 == 0)
            {
                GC.Collect();
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void UseOne(Module module, Random random)
    {
        var store = new Store(module.Engine);
        Instance guest = new Linker(module.Engine).Instantiate(store, module);
        Memory memory = guest.GetMemory("memory")!;
        ulong pages = 1;
        for (int step = 0; step < 10; step++)
        {
            switch (random.Next(8))
            {
                case 0:
                    Assert.Equal(TrapKind.MemoryOutOfBounds, Trap(guest, "outside"));
                    break;
                case 1:
                    Assert.Equal((int)pages, guest.GetFunction<Func<int, int>>("grow")!(0));
                    pages++;
                    break;
                case 2:
                    using (var cancellation = new CancellationTokenSource())
                    {
                        cancellation.CancelAfter(random.Next(3));
                        Task<object?[]> call = guest.GetFunction("forever")!.CallAsync([0], cancellation.Token);
                        Assert.True(((IAsyncResult)call).AsyncWaitHandle.WaitOne(Guests.Patience));
                        Assert.True(call.IsCanceled, call.Exception?.ToString());
                    }

                    break;
                case 3:
                    var interrupter = new Thread(store.Interrupt);
                    interrupter.Start();
                    Assert.Equal(TrapKind.Interrupted, Trap(guest, "forever"));
                    Guests.Join(interrupter);
                    store.ClearInterruption();
                    break;
                case 4 when step == 0:
                    Assert.Equal(TrapKind.StackExhausted, Trap(guest, "deep"));
                    break;
                default:
                    int value = random.Next();
                    Assert.Equal(value, guest.GetFunction<Func<int, int>>("check")!(value));
                    using (MemoryLease lease = memory.Lease())
                    {
                        Assert.Equal(value, BitConverter.ToInt32(lease.Slice(128, 4)));
                        Assert.Equal((int)pages << 16, lease.Span.Length);
                    }

                    break;
            }
        }

        if (random.Next(2) == 0)
        {
            store.Dispose();
        }
    }

    private static TrapKind Trap(Instance guest, string function) => Assert.Throws<TrapException>(() => guest.GetFunction(function)!.Invoke(0)).Kind;
}
