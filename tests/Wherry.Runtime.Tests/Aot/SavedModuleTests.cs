using System.Globalization;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Wherry.Aot;
using Wherry.Compilation;

namespace Wherry.Tests.Aot;

/// <summary>The assembly that code is saved to, before it is made native.</summary>
public sealed class SavedModuleTests
{
    private const string Everything =
        """
        (module
          (memory 1)
          (table $t 4 funcref)
          (tag $e (param i32))
          (type $pair (struct (field (mut i32)) (field (mut i8))))
          (type $bytes (array (mut i8)))
          (type $unary (func (param i32) (result i32)))
          (global $counter (mut i32) (i32.const 7))
          (elem (i32.const 0) $count $throw)
          (func $count (export "count") (type $unary)
            (global.set $counter (i32.add (global.get $counter) (local.get 0)))
            (global.get $counter))
          (func $throw (export "throw") (type $unary)
            (block $caught (result i32)
              (try_table (result i32) (catch $e $caught) (throw $e (i32.add (local.get 0) (i32.const 1))))))
          (func (export "indirect") (param i32 i32) (result i32) (call_indirect (type $unary) (local.get 0) (local.get 1)))
          (func (export "tail") (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 42)) (else (return_call 3 (i32.sub (local.get 0) (i32.const 1))))))
          (func (export "pair") (param i32) (result i32) (local $p (ref null $pair))
            (local.set $p (struct.new $pair (local.get 0) (i32.const 258)))
            (i32.add (struct.get $pair 0 (local.get $p)) (struct.get_u $pair 1 (local.get $p))))
          (func (export "array") (param i32) (result i32) (array.len (array.new_default $bytes (local.get 0))))
          (func (export "several") (param i32) (result i32 i64 f32 f64 v128)
            (local.get 0) (i64.const 1) (f32.const 2) (f64.const 3) (v128.const i64x2 4 5))
          (func $inner (param i32) (result i32) (nop) (i32.load (local.get 0)))
          (func (export "load") (param i32) (result i32) (i32.add (call $inner (local.get 0)) (i32.const 1))))
        """;

    [Fact]
    public void Methods_stand_where_the_loader_looks_and_offsets_are_where_traps_are_looked_up()
    {
        Check(WatConverter.ToBinary(Everything, emitNames: true));
        foreach (string name in (string[])["lua", "lua-eh", "gemm-simd", "zstd", "quickjs"])
        {
            Check(File.ReadAllBytes(SharedFiles.Find($"bench/{name}.wasm")));
        }
    }

    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void Saved_code_does_what_jitted_code_does(BoundsChecks boundsChecks)
    {
        string path = Path.Combine(Path.GetTempPath(), $"wherry-{Guid.NewGuid():N}.dll");
        var options = new EngineOptions { BoundsChecks = boundsChecks, Features = WasmFeatures.Wasm3 };
        try
        {
            var saved = new Engine(options with { CreateCode = module => Save(module, path) });
            byte[] bytes = WatConverter.ToBinary(Everything, emitNames: true);
            Instance expected = Instantiate(new Engine(options), bytes);
            Instance actual = Instantiate(saved, bytes);
            Assert.IsType<PrecompiledModule>(actual.Module.Code);
            foreach ((string name, int[] arguments) in ((string, int[])[])
                [("count", [5]), ("count", [6]), ("throw", [1]), ("indirect", [3, 0]), ("indirect", [3, 1]), ("tail", [100_000]), ("pair", [9]), ("array", [77]), ("several", [1]), ("load", [8])])
            {
                object?[] boxed = [.. arguments.Select(argument => (object?)argument)];
                Assert.Equal(expected.GetFunction(name)!.Invoke(boxed), actual.GetFunction(name)!.Invoke(boxed));
            }

            foreach ((string name, int[] arguments) in ((string, int[])[])[("load", [-1]), ("load", [65533]), ("indirect", [3, 2]), ("indirect", [3, 4]), ("array", [-1])])
            {
                object?[] boxed = [.. arguments.Select(argument => (object?)argument)];
                TrapException wanted = Assert.Throws<TrapException>(() => expected.GetFunction(name)!.Invoke(boxed));
                TrapException trap = Assert.Throws<TrapException>(() => actual.GetFunction(name)!.Invoke(boxed));
                Assert.Equal((wanted.Kind, wanted.Address), (trap.Kind, trap.Address));

                // What was compiled with less optimization tells offsets more exactly.
                Assert.Equal(wanted.GuestStack.Select(frame => (frame.FunctionIndex, frame.FunctionName)), trap.GuestStack.Select(frame => (frame.FunctionIndex, frame.FunctionName)));
                Assert.All(trap.GuestStack, frame => Assert.NotNull(frame.Offset));
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Setting_globals_takes_code_for_those_alone_that_can_be_fields()
    {
        const int Count = 100_000;
        Module module = LoadWithGlobals(Count);
        using var assembly = new MemoryStream();
        CodeLayout layout = SavedModule.Write(module.Definition, module.Engine.CompilerOptions, assembly);
        int fields = layout.IsField.Count(isField => isField);
        Assert.InRange(fields, 1, Count / 5);
        assembly.Position = 0;
        using var image = new PEReader(assembly);
        MetadataReader metadata = image.GetMetadataReader();
        var setGlobal = (MethodDefinitionHandle)MetadataTokens.EntityHandle(SavedModule.SetGlobalToken);
        int size = image.GetMethodBody(metadata.GetMethodDefinition(setGlobal).RelativeVirtualAddress).GetILReader().Length;

        // A label and some instructions for each.
        Assert.InRange(size, fields, (fields * 32) + 100);
    }

    [Fact]
    public void Numbers_get_into_fields_behind_imported_globals_and_references()
    {
        const string Guest =
            """
            (module
              (import "host" "a" (global i32))
              (import "host" "b" (global i64))
              (global $i (mut i32) (i32.const -5))
              (global $r (mut externref) (ref.null extern))
              (global $seen (export "seen") (mut i32) (i32.const 9))
              (global $l (mut i64) (i64.const 0x123456789abcdef0))
              (global $v (mut v128) (v128.const i64x2 1 2))
              (global $f (mut f32) (f32.const 1.5))
              (global $d (mut f64) (f64.const -2.25))
              (func (export "get") (result i32 i64 f32 f64 i32 i32 i64)
                (global.get $i) (global.get $l) (global.get $f) (global.get $d) (global.get $seen) (global.get 0) (global.get 1)))
            """;
        string path = Path.Combine(Path.GetTempPath(), $"wherry-{Guid.NewGuid():N}.dll");
        try
        {
            var engine = new Engine(new EngineOptions { CreateCode = module => Save(module, path) });
            var store = new Store(engine);
            var linker = new Linker(engine);
            linker.Define("host", "a", Global.Create(store, new GlobalType(WasmValueType.I32, false), 3));
            linker.Define("host", "b", Global.Create(store, new GlobalType(WasmValueType.I64, false), 4L));
            Instance instance = linker.Instantiate(store, Module.Load(engine, WatConverter.ToBinary(Guest)));
            Assert.Equal([-5, 0x123456789abcdef0L, 1.5f, -2.25, 9, 3, 4L], instance.GetFunction("get")!.Invoke());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Methods_in_another_order_are_refused()
    {
        var engine = new Engine(new EngineOptions { Features = WasmFeatures.Wasm3 });
        Module module = Module.Load(engine, WatConverter.ToBinary("(module (func) (func (param i32)) (func (param i64)))"));
        Module less = Module.Load(engine, WatConverter.ToBinary("(module (func) (func (param i32)))"));
        Module other = Module.Load(engine, WatConverter.ToBinary("(module (func) (func (param i64)) (func (param i32)))"));
        using var assembly = new MemoryStream();
        _ = SavedModule.Write(module.Definition, engine.CompilerOptions, assembly);
        assembly.Position = 0;
        using var image = new PEReader(assembly);
        MetadataReader metadata = image.GetMetadataReader();
        NativeCompiler.CheckOrder(metadata, module.Definition, new CodeLayout(module.Definition, CodeLayout.SavedClassSize));
        foreach (Module wrong in (Module[])[less, other])
        {
            _ = Assert.Throws<PrecompilationException>(() => NativeCompiler.CheckOrder(metadata, wrong.Definition, new CodeLayout(wrong.Definition, CodeLayout.SavedClassSize)));
        }
    }

    [Fact]
    public void A_kind_of_stub_that_was_not_written_has_no_place()
    {
        Module module = Module.Load(Engine.Default, WatConverter.ToBinary("(module (func) (func (param i32)))"));
        FunctionType type = module.Definition.Functions[0].Function!;
        Assert.Equal(0, new StubOrder(module.Definition, hasReturnedExceptions: false).Find(type, StubKind.Resolve));
        Assert.Equal(2, new StubOrder(module.Definition, hasReturnedExceptions: true).Find(type, StubKind.Throw));
        foreach (StubKind kind in (StubKind[])[StubKind.ResolveForGuest, StubKind.Throw, StubKind.Rewind])
        {
            _ = Assert.Throws<ArgumentOutOfRangeException>(() => new StubOrder(module.Definition, hasReturnedExceptions: false).Find(type, kind));
        }
    }

    // As binary: an (i32) global that can be set, as often as wanted.
    private static Module LoadWithGlobals(int count)
    {
        byte[] global = [0x7F, 1, 0x41, 7, 0x0B];
        byte[] content = [.. Leb(count), .. Enumerable.Range(0, count).SelectMany(_ => global)];
        byte[] bytes = [0, (byte)'a', (byte)'s', (byte)'m', 1, 0, 0, 0, 6, .. Leb(content.Length), .. content];
        return Module.Load(Engine.Default, bytes);

        static byte[] Leb(int value) => [(byte)(value | 0x80), (byte)(value >> 7 | 0x80), (byte)(value >> 14 | 0x80), (byte)(value >> 21)];
    }

    private static PrecompiledModule Save(Module module, string path)
    {
        using (FileStream file = File.Create(path))
        {
            _ = SavedModule.Write(module.Definition, module.Engine.CompilerOptions, file);
        }

        return new PrecompiledModule(module, module.Definition, module.Engine.CompilerOptions, LoadedCode.Load(path));
    }

    private static Instance Instantiate(Engine engine, byte[] bytes) => new Linker(engine).Instantiate(new Store(engine), Module.Load(engine, bytes));

    private static void Check(byte[] bytes)
    {
        var engine = new Engine(new EngineOptions { Features = WasmFeatures.Wasm3 });
        Module module = Module.Load(engine, bytes);
        var target = new MeasuringTarget(module.Definition, engine.CompilerOptions, new CodeLayout(module.Definition, CodeLayout.SavedClassSize).HasReturnedExceptions);
        using var assembly = new MemoryStream();
        CodeLayout layout = SavedModule.Write(module.Definition, engine.CompilerOptions, assembly);
        assembly.Position = 0;
        using var image = new PEReader(assembly);
        MetadataReader metadata = image.GetMetadataReader();
        NativeCompiler.CheckOrder(metadata, module.Definition, layout);
        int imported = module.Definition.ImportedFunctionCount;
        int bodies = module.Definition.Bodies.Length;
        for (int function = imported; function < imported + bodies; function++)
        {
            int place = function - imported;
            string name = CodeLayout.MethodName(function);
            Assert.Equal(name, Name(place));
            if (target.Layout.GetLargeSlot(function) is >= 0 and var slot)
            {
                place = bodies + slot;
                name = CodeLayout.BodyName(function);
                Assert.Equal(name, Name(place));
            }

            var il = new IlWriter(null);
            new FunctionEmitter(target, function, il).Emit();
            Assert.Equal($"{name}: {il.Size}", string.Create(CultureInfo.InvariantCulture, $"{name}: {Method(place).GetILReader().Length}"));
        }

        string Name(int place) => metadata.GetString(metadata.GetMethodDefinition(Handle(place)).Name);

        MethodBodyBlock Method(int place) => image.GetMethodBody(metadata.GetMethodDefinition(Handle(place)).RelativeVirtualAddress);

        static MethodDefinitionHandle Handle(int place) => (MethodDefinitionHandle)MetadataTokens.EntityHandle(SavedModule.FirstFunctionToken + place);
    }
}
