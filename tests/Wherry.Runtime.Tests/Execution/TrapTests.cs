namespace Wherry.Tests.Execution;

public sealed class TrapTests
{
    private const string Arithmetic = """
        (module
          (memory (export "memory") 1 2)
          (table $t 3 funcref)
          (type $none (func))
          (func $other (param i32) (result i32) (local.get 0))
          (elem (i32.const 0) $other)
          (func (export "unreachable") unreachable)
          (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
          (func (export "remainder") (param i64 i64) (result i64) (i64.rem_u (local.get 0) (local.get 1)))
          (func (export "truncate") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
          (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
          (func (export "load8") (param i32) (result i32) (i32.load8_u offset=4294967295 (local.get 0)))
          (func (export "drop") (param i32) (drop (i64.load (local.get 0))))
          (func (export "store") (param i32) (i64.store (local.get 0) (i64.const 1)))
          (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 1) (local.get 1)))
          (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
          (func (export "call") (param i32) (call_indirect (type $none) (local.get 0)))
          (func (export "get") (param i32) (drop (table.get $t (local.get 0))))
        )
        """;

    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void Each_trap_has_its_kind_and_the_words_of_the_specification(BoundsChecks checks)
    {
        Instance guest = Guests.Instantiate(Arithmetic, checks);
        Expect(guest, TrapKind.Unreachable, "unreachable", "unreachable");
        Expect(guest, TrapKind.IntegerDivideByZero, "integer divide by zero", "divide", 1, 0);
        Expect(guest, TrapKind.IntegerOverflow, "integer overflow", "divide", int.MinValue, -1);
        Expect(guest, TrapKind.IntegerDivideByZero, "integer divide by zero", "remainder", 1L, 0L);
        Expect(guest, TrapKind.IntegerOverflow, "integer overflow", "truncate", 1e10);
        Expect(guest, TrapKind.InvalidConversionToInteger, "invalid conversion to integer", "truncate", double.NaN);
        Expect(guest, TrapKind.MemoryOutOfBounds, "out of bounds memory access", "fill", 65535, 2);
        Expect(guest, TrapKind.IndirectCallTypeMismatch, "indirect call type mismatch", "call", 0);
        Expect(guest, TrapKind.UninitializedElement, "uninitialized element", "call", 1);
        Expect(guest, TrapKind.UndefinedElement, "undefined element", "call", 3);
        Expect(guest, TrapKind.UndefinedElement, "undefined element", "call", -1);
        Expect(guest, TrapKind.TableOutOfBounds, "out of bounds table access", "get", 3);
    }

    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void An_access_beyond_the_memory_traps_with_its_address_and_the_memory_stays_usable(BoundsChecks checks)
    {
        Instance guest = Guests.Instantiate(Arithmetic, checks);
        ulong? address = Expect(guest, TrapKind.MemoryOutOfBounds, "out of bounds memory access", "load", 0x10000).Address;
        Assert.True(address == 0x10000 || checks == BoundsChecks.Explicit);
        _ = Expect(guest, TrapKind.MemoryOutOfBounds, "out of bounds memory access", "load", 0xFFFD);
        _ = Expect(guest, TrapKind.MemoryOutOfBounds, "out of bounds memory access", "load", -1);
        _ = Expect(guest, TrapKind.MemoryOutOfBounds, "out of bounds memory access", "load8", -1);
        _ = Expect(guest, TrapKind.MemoryOutOfBounds, "out of bounds memory access", "drop", 0xFFF9);
        _ = Expect(guest, TrapKind.MemoryOutOfBounds, "out of bounds memory access", "store", 0xFFF9);
        Assert.Equal(0, guest.GetFunction<Func<int, int>>("load")!(0xFFFC));

        Assert.Equal(1, guest.GetFunction<Func<int, int>>("grow")!(1));
        Assert.Equal(0, guest.GetFunction<Func<int, int>>("load")!(0x1FFFC));
        _ = Expect(guest, TrapKind.MemoryOutOfBounds, "out of bounds memory access", "load", 0x1FFFD);
        Assert.Equal(-1, guest.GetFunction<Func<int, int>>("grow")!(1));
    }

    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void A_trap_tells_the_guests_calls_with_names_and_offsets(BoundsChecks checks)
    {
        Instance guest = Guests.Instantiate(
            """
            (module
              (memory 1)
              (func $inner (param i32) (result i32) (i32.load offset=16 (local.get 0)))
              (func $middle (param i32) (result i32) (i32.add (call $inner (local.get 0)) (i32.const 1)))
              (func (export "run") (param i32) (result i32) (i32.add (call $middle (local.get 0)) (i32.const 1)))
            )
            """,
            checks);

        TrapException trap = Assert.Throws<TrapException>(() => guest.GetFunction<Func<int, int>>("run")!(0x20000));

        Assert.Equal(["inner", "middle", "run"], trap.GuestStack.Select(frame => frame.FunctionName));
        Assert.Equal([0, 1, 2], trap.GuestStack.Select(frame => frame.FunctionIndex));
        Assert.All(trap.GuestStack, frame => Assert.NotNull(frame.Offset));
        Assert.All(trap.GuestStack, frame => Assert.Equal("test.wasm", frame.ModuleName));
        Assert.StartsWith("wasm trap: out of bounds memory access", trap.Message);
        Assert.Contains("\n  at inner (test.wasm+0x", trap.Message);
        if (checks == BoundsChecks.Guard)
        {
            Assert.Equal(0x20010UL, trap.Address);
            Assert.StartsWith("wasm trap: out of bounds memory access at address 0x20010", trap.Message);
        }
    }

    [Fact]
    public void Exceptions_of_host_functions_pass_through_the_guest_unchanged()
    {
        string? nothing = null;
        Instance guest = Guests.Instantiate(
            """
            (module
              (import "host" "fail" (func $fail (param i32)))
              (func (export "run") (param i32) (call $fail (local.get 0)))
            )
            """,
            define: linker => linker.DefineFunction("host", "fail", (int how) =>
            {
                _ = how switch
                {
                    0 => nothing!.Length,
                    1 => Array.Empty<int>()[how],
                    2 => how / (how - 2),
                    3 => throw new GuestExitException(7),
                    4 => throw new TimeoutException(),
                    _ => (int)(object)"text",
                };
            }));
        Action<int> run = guest.GetFunction<Action<int>>("run")!;
        _ = Assert.Throws<NullReferenceException>(() => run(0));
        _ = Assert.Throws<IndexOutOfRangeException>(() => run(1));
        _ = Assert.Throws<DivideByZeroException>(() => run(2));
        Assert.Equal(7, Assert.Throws<GuestExitException>(() => run(3)).ExitCode);
        _ = Assert.Throws<TimeoutException>(() => run(4));
        _ = Assert.Throws<InvalidCastException>(() => run(5));
    }

    [Fact]
    public void A_trap_in_a_nested_call_passes_through_the_host_function_and_the_outer_guest()
    {
        Func<int>? inner = null;
        Instance guest = Guests.Instantiate(
            """
            (module
              (import "host" "again" (func $again (result i32)))
              (func (export "outer") (result i32) (call $again))
              (func (export "inner") (result i32) unreachable)
            )
            """,
            define: linker => linker.DefineFunction("host", "again", () => inner!()));
        inner = guest.GetFunction<Func<int>>("inner");
        TrapException trap = Assert.Throws<TrapException>(() => guest.GetFunction<Func<int>>("outer")!());
        Assert.Equal(TrapKind.Unreachable, trap.Kind);
        Assert.Equal("inner", Assert.Single(trap.GuestStack).FunctionName);
        Assert.False(guest.Store.IsRunning);
    }

    private static TrapException Expect(Instance guest, TrapKind kind, string reason, string function, params object?[] arguments)
    {
        TrapException trap = Assert.Throws<TrapException>(() => guest.GetFunction(function)!.Invoke(arguments));
        Assert.Equal(kind, trap.Kind);
        Assert.StartsWith(reason, trap.Reason);
        Assert.Contains(reason, trap.Message);
        Assert.NotEmpty(trap.GuestStack);
        return trap;
    }
}
