namespace Wherry.Tests.Execution;

/// <summary>A trap tells the offset of the very instruction, and the frames above those of their calls.</summary>
public sealed class TrapPlaceTests
{
    private const string Surroundings = """
        (import "host" "same" (func $imported (param i32) (result i32)))
        (memory 1)
        (table 3 funcref)
        (global $g (mut i32) (i32.const 0))
        (type $none (func))
        (func $id (param i32) (result i32) local.get 0)
        (func $first (param i32 i32) (result i32) local.get 0)
        (func $trap (param i32) (result i32) unreachable)
        """;

    /// <summary>Code whose parameter $a is two bytes before the memory's end, and $z is 0. An @ stands before the instruction.</summary>
    public static TheoryData<string, string> Codes => new()
    {
        { "load", "local.get $a @i32.load" },
        { "load after call", "i32.const 1 call $id drop local.get $a @i32.load" },
        { "call in expr", "i32.const 1 call $id local.get $a @i32.load i32.add" },
        { "call arg", "local.get $a call $id @i32.load" },
        { "load then call", "local.get $a @i32.load call $id" },
        { "second load", "i32.const 8 i32.load local.get $a @i32.load i32.add" },
        { "first load", "local.get $a @i32.load i32.const 8 i32.load i32.add" },
        { "store of loads", "i32.const 8 i32.const 16 i32.load local.get $a @i32.load i32.add i32.store i32.const 0" },
        { "store", "local.get $a i32.const 16 i32.load @i32.store i32.const 0" },
        { "store after store", "i32.const 0 i32.const 1 i32.store local.get $a i32.const 5 @i32.store i32.const 0 i32.const 2 i32.store i32.const 0" },
        { "set forward", "local.get $a @i32.load local.set $x local.get $x i32.const 4 i32.add" },
        { "set forward2", "i32.const 4 i32.load local.set $x local.get $a @i32.load local.set $x local.get $x i32.const 4 i32.add" },
        { "div", "local.get $a local.get $z @i32.div_s" },
        { "div after call", "local.get $a call $id local.get $z @i32.div_u" },
        { "div nested", "local.get $a i32.const 7 i32.div_u local.get $z @i32.rem_u" },
        { "div two", "local.get $a local.get $z @i32.div_u local.get $a i32.const 3 call $imported i32.div_u i32.add" },
        { "div set", "i32.const 4 i32.load drop local.get $a local.get $z @i32.rem_s local.set $x local.get $x local.get $x i32.add" },
        { "rem64", "local.get $a i64.extend_i32_u local.get $z i64.extend_i32_u @i64.rem_s i32.wrap_i64" },
        { "unreachable", "i32.const 1 call $id drop @unreachable" },
        { "unreachable if", "local.get $z if i32.const 3 drop unreachable else i32.const 1 call $id drop @unreachable end i32.const 0" },
        { "unreachable two", "local.get $a i32.const 1 i32.eq if unreachable end local.get $z i32.eqz if @unreachable end unreachable" },
        { "trunc", "f64.const 1e300 @i32.trunc_f64_s" },
        { "trunc var", "local.get $a f64.convert_i32_s f64.const 1e100 f64.mul local.set $d local.get $d @i32.trunc_f64_u" },
        { "trunc expr", "i32.const 3 call $id local.get $a f32.convert_i32_s f32.const 1e20 f32.mul @i32.trunc_f32_s i32.add" },
        { "trunc two", "f64.const 1 local.get $a f64.convert_i32_s f64.mul i32.trunc_f64_s local.get $a f64.convert_i32_s f64.const 1e100 f64.mul @i32.trunc_f64_u i32.add" },
        { "callind oob", "i32.const 1 call $id drop local.get $a @call_indirect (type $none) i32.const 0" },
        { "callind null", "i32.const 1 call $id drop local.get $z @call_indirect (type $none) i32.const 0" },
        { "table get", "i32.const 3 call $id local.get $a @table.get 0 drop" },
        { "table set", "i32.const 3 call $id drop local.get $a ref.null func @table.set 0 i32.const 0" },
        { "fill", "i32.const 3 call $id drop local.get $a i32.const 0 i32.const 5 @memory.fill i32.const 0" },
        { "copy", "i32.const 3 call $id drop local.get $a i32.const 0 i32.const 5 @memory.copy i32.const 0" },
        { "frame call", "i32.const 3 call $id @call $trap" },
        { "frame call nested", "i32.const 3 @call $trap i32.const 7 call $id call $first" },
        { "frame call nested2", "i32.const 3 call $id i32.const 7 @call $trap call $first" },
        { "frame call after loads", "i32.const 3 i32.load i32.const 7 i32.load i32.add @call $trap" },
        { "frame call store", "i32.const 3 i32.const 7 @call $trap i32.store i32.const 0" },
        { "load in loop", "loop i32.const 0 i32.load drop local.get $x i32.const 1 i32.add local.tee $x i32.const 10 i32.lt_u br_if 0 local.get $x i32.const 20 i32.lt_u if local.get $a @i32.load drop end end i32.const 0" },
        { "loop walk", "loop local.get $x @i32.load drop local.get $x i32.const 4 i32.add local.tee $x i32.const 70000 i32.lt_u br_if 0 end i32.const 0" },
        { "loop walk store", "loop local.get $x local.get $x @i32.store local.get $x i32.const 4 i32.add local.tee $x i32.const 70000 i32.lt_u br_if 0 end i32.const 0" },
        { "load offset pair", "local.get $z i32.load offset=4 local.get $a @i32.load offset=8 i32.add" },
        { "load sizes", "local.get $z i32.load8_u local.get $a @i32.load i32.add" },
        { "cond load", "local.get $a @i32.load if i32.const 0 return end i32.const 1" },
        { "if load", "local.get $z if i32.const 0 return end local.get $a @i32.load8_u offset=2 if i32.const 0 return end i32.const 1" },
        { "select", "i32.const 3 i32.load local.get $a @i32.load local.get $z select" },
        { "global", "local.get $a @i32.load global.set $g i32.const 0" },
        { "memory grow", "i32.const 0 memory.grow local.get $a @i32.load i32.add" },
        { "load store same", "local.get $a local.get $a @i32.load i32.const 1 i32.add i32.store i32.const 0" },
        { "dead load", "local.get $a @i64.load drop i32.const 0" },
        { "simd", "local.get $a @v128.load i32x4.extract_lane 0" },
        { "simd store", "local.get $a i32.const 0 v128.load @v128.store i32.const 0" },
        { "f64", "local.get $a @f64.load i32.trunc_f64_s" },
        { "cse", "local.get $a @i32.load local.get $a i32.load i32.add" },
        { "br value", "block (result i32) local.get $a @i32.load br 0 end" },
    };

    [Theory]
    [MemberData(nameof(Codes))]
    public void A_trap_tells_the_offset_of_its_instruction(string name, string code)
    {
        Expect(name, code, Guests.Engine(BoundsChecks.Guard));
        Expect(name, code, Guests.Engine(BoundsChecks.Explicit));
        Expect(name, code, Guests.HastyEngine);
    }

    /// <summary>A module with all the codes, exported by their names.</summary>
    public static byte[] CreateModule() =>
        Assemble(string.Concat(Codes.Select(row => Function(row.Data.Item1, row.Data.Item2.Replace("@", "", StringComparison.Ordinal)))));

    public static Instance Instantiate(Engine engine, byte[] bytes)
    {
        var linker = new Linker(engine);
        linker.DefineFunction("host", "same", (int value) => value);
        return linker.Instantiate(new Store(engine), Module.Load(engine, bytes));
    }

    /// <summary>The offset that the guest's innermost frame of an exported function is at when it traps.</summary>
    public static long? Trap(Instance guest, string name)
    {
        TrapException trap = Assert.Throws<TrapException>(() => guest.GetFunction<Func<int, int, int>>(name)!(0x10000 - 2, 0));
        return trap.GuestStack.First(frame => frame.FunctionName != "trap").Offset;
    }

    private static void Expect(string name, string code, Engine engine)
    {
        const int Mark = 12;
        byte[] bytes = Assemble(Function(name, code.Replace("@", "", StringComparison.Ordinal)));
        byte[] marked = Assemble(Function(name, code.Replace("@", string.Concat(Enumerable.Repeat("nop ", Mark)), StringComparison.Ordinal)));
        int mark = marked.AsSpan().IndexOf(Enumerable.Repeat((byte)1, Mark).ToArray());
        int behind = mark + marked.AsSpan(mark).IndexOfAnyExcept((byte)1);
        Assert.Equal(bytes.Length - (marked.Length - behind), Trap(Instantiate(engine, bytes), name));
    }

    private static byte[] Assemble(string functions) => WatConverter.ToBinary($"(module {Surroundings} {functions})", emitNames: true);

    private static string Function(string name, string code) =>
        $"(func (export \"{name}\") (param $a i32) (param $z i32) (result i32) (local $x i32) (local $d f64) {code})\n";

    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void A_trap_of_a_bulk_operation_or_a_checked_access_tells_the_first_byte_that_is_outside(BoundsChecks checks)
    {
        Instance guest = Guests.Instantiate(
            """
            (module
              (memory 1)
              (global $g (mut i64) (i64.const 0))
              (func (export "load") (param i32) (global.set $g (i64.load offset=8 (local.get 0))))
              (func (export "store") (param i32) (i64.store offset=8 (local.get 0) (i64.const 1)))
              (func (export "fill") (param i32) (memory.fill (local.get 0) (i32.const 0) (i32.const 20)))
              (func (export "copy") (param i32) (memory.copy (i32.const 0) (local.get 0) (i32.const 20)))
            )
            """,
            checks);
        foreach (string name in (string[])["store", "load", "fill", "copy"])
        {
            foreach ((int argument, ulong address) in ((int, ulong)[])[(0x20000, name is "store" or "load" ? 0x20008u : 0x20000u), (0xFFF4, 0x10000), (-16, name is "store" or "load" ? 0xFFFF_FFF8u : 0xFFFF_FFF0u)])
            {
                TrapException trap = Assert.Throws<TrapException>(() => guest.GetFunction<Action<int>>(name)!(argument));
                Assert.Equal(TrapKind.MemoryOutOfBounds, trap.Kind);
                Assert.Equal(address, trap.Address);
                Assert.Contains(name is "store" or "load" ? $"at address 0x{address:x} (8 bytes)" : $"at address 0x{address:x}", trap.Message);
            }
        }
    }
}
