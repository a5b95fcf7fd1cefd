using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Wherry.Wasi.Tests.Determinism;

/// <summary>All instructions that can make a NaN make the canonical one, of whatever operands, constant or not.</summary>
public sealed class NaNTests
{
    private static readonly string[] Unary = ["ceil", "floor", "trunc", "nearest", "sqrt"];
    private static readonly string[] Binary = ["add", "sub", "mul", "div", "min", "max"];

    // A signalling and a quiet NaN with signs and payloads, infinities, zeros, a number.
    private static readonly uint[] Singles = [0x7F800001, 0xFFA12345, 0x7FC00000, 0xFFC00001, 0x7F800000, 0xFF800000, 0x80000000, 0, 0xBF800000];
    private static readonly ulong[] Doubles =
    [
        0x7FF0000000000001, 0xFFF4123456789ABC, 0x7FF8000000000000, 0xFFF8000000000001, 0x7FF0000000000000, 0xFFF0000000000000, 0x8000000000000000, 0, 0xBFF0000000000000,
    ];

    [Fact]
    public void Every_way_gives_the_same_bits_and_no_other_NaN()
    {
        byte[] module = WatConverter.ToBinary(Write(out int singles, out int doubles));
        byte[]? first = null;
        foreach ((string name, EngineOptions options) in ExecutionWays.Of(new EngineOptions { Deterministic = true, Features = WasmFeatures.Wasm3 }))
        {
            using var engine = new Engine(options);
            using var store = new Store(engine);
            Instance instance = new Linker(engine).Instantiate(store, Module.Load(engine, module));
            instance.GetFunction("run")!.Invoke();
            Assert.True(instance.GetMemory("memory")!.TryGetSpan(4096, (ulong)((singles * 16) + (doubles * 16)), out Span<byte> results));
            first ??= results.ToArray();
            Assert.True(results.SequenceEqual(first), name);

            int nans = 0;
            foreach (uint bits in MemoryMarshal.Cast<byte, uint>(results[..(singles * 16)]))
            {
                Assert.True(!float.IsNaN(BitConverter.UInt32BitsToSingle(bits)) || bits == 0x7FC00000, $"{name}: {bits:x}");
                nans += bits == 0x7FC00000 ? 1 : 0;
            }

            foreach (ulong bits in MemoryMarshal.Cast<byte, ulong>(results[(singles * 16)..]))
            {
                Assert.True(!double.IsNaN(BitConverter.UInt64BitsToDouble(bits)) || bits == 0x7FF8000000000000, $"{name}: {bits:x}");
                nans += bits == 0x7FF8000000000000 ? 1 : 0;
            }

            Assert.True(nans > singles + doubles, name);

            // A span keeps no memory: a collection meanwhile would give it back.
            GC.KeepAlive(instance);
        }
    }

    /// <summary>A module whose results lie from 4096 on: those of 32 bits first, each vector or number in 16 bytes.</summary>
    private static string Write(out int singles, out int doubles)
    {
        var functions = new StringBuilder();
        var run = new StringBuilder();
        int address = 4096;
        int count = 0;

        void Emit(string store, string expression)
        {
            // Not more in one function than a JIT likes.
            if (count++ % 200 == 0)
            {
                _ = functions.Append(count == 1 ? "" : ")\n").Append(CultureInfo.InvariantCulture, $"(func $part{count}");
                _ = run.Append(CultureInfo.InvariantCulture, $"(call $part{count})");
            }

            _ = functions.Append(CultureInfo.InvariantCulture, $" ({store} (i32.const {address}) {expression})");
            address += 16;
        }

        WriteScalars("f32", Singles.Length, i => $"(f32.load (i32.const {i * 4}))", i => $"(f32.reinterpret_i32 (i32.const 0x{Singles[i]:x}))", Emit);
        for (int i = 0; i < Doubles.Length; i++)
        {
            Emit("f32.store", $"(f32.demote_f64 (f64.load (i32.const {1024 + (i * 8)})))");
            Emit("v128.store", $"(f32x4.demote_f64x2_zero (f64x2.splat (f64.load (i32.const {1024 + (i * 8)}))))");
        }

        WriteVectors("f32x4", i => $"(f32x4.splat (f32.load (i32.const {i * 4})))", Emit);
        singles = (address - 4096) / 16;
        WriteScalars("f64", Doubles.Length, i => $"(f64.load (i32.const {1024 + (i * 8)}))", i => $"(f64.reinterpret_i64 (i64.const 0x{Doubles[i]:x}))", Emit);
        for (int i = 0; i < Singles.Length; i++)
        {
            Emit("f64.store", $"(f64.promote_f32 (f32.load (i32.const {i * 4})))");
            Emit("v128.store", $"(f64x2.promote_low_f32x4 (f32x4.splat (f32.load (i32.const {i * 4}))))");
        }

        WriteVectors("f64x2", i => $"(f64x2.splat (f64.load (i32.const {1024 + (i * 8)})))", Emit);
        doubles = ((address - 4096) / 16) - singles;

        static string Data<T>(T[] values)
            where T : unmanaged => string.Concat(MemoryMarshal.AsBytes(values.AsSpan()).ToArray().Select(value => $"\\{value:x2}"));
        return $"""
            (module (memory (export "memory") 16)
              (data (i32.const 0) "{Data(Singles)}") (data (i32.const 1024) "{Data(Doubles)}")
              {functions})
              (func (export "run") {run}))
            """;
    }

    private static void WriteScalars(string type, int operands, Func<int, string> load, Func<int, string> constant, Action<string, string> emit)
    {
        for (int a = 0; a < operands; a++)
        {
            foreach (string operation in Unary)
            {
                emit($"{type}.store", $"({type}.{operation} {load(a)})");
                emit($"{type}.store", $"({type}.{operation} {constant(a)})");
            }

            for (int b = 0; b < operands; b++)
            {
                foreach (string operation in Binary)
                {
                    emit($"{type}.store", $"({type}.{operation} {load(a)} {load(b)})");
                    emit($"{type}.store", $"({type}.{operation} {load(a)} {constant(b)})");
                    emit($"{type}.store", $"({type}.{operation} {constant(a)} {load(b)})");
                }
            }
        }
    }

    private static void WriteVectors(string type, Func<int, string> operand, Action<string, string> emit)
    {
        for (int a = 0; a < Singles.Length; a++)
        {
            foreach (string operation in Unary)
            {
                emit("v128.store", $"({type}.{operation} {operand(a)})");
            }

            for (int b = 0; b < Singles.Length; b++)
            {
                foreach (string operation in (string[])[.. Binary, "relaxed_min", "relaxed_max"])
                {
                    emit("v128.store", $"({type}.{operation} {operand(a)} {operand(b)})");
                }

                emit("v128.store", $"({type}.relaxed_madd {operand(a)} {operand(b)} {operand((a + b) % Singles.Length)})");
                emit("v128.store", $"({type}.relaxed_nmadd {operand(a)} {operand(b)} {operand((a * b) % Singles.Length)})");
            }
        }
    }
}
