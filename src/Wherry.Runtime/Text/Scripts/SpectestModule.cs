namespace Wherry.Text.Scripts;

/// <summary>The module <c>spectest</c>, which the official suite's scripts import from. What they print is thrown away.</summary>
internal static class SpectestModule
{
    private const string Name = "spectest";

    public static void AddTo(Linker linker, Store store, WasmFeatures features)
    {
        linker.DefineFunction(Name, "print", static () => { });
        linker.DefineFunction(Name, "print_i32", static (int _) => { });
        linker.DefineFunction(Name, "print_i64", static (long _) => { });
        linker.DefineFunction(Name, "print_f32", static (float _) => { });
        linker.DefineFunction(Name, "print_f64", static (double _) => { });
        linker.DefineFunction(Name, "print_i32_f32", static (int _, float _) => { });
        linker.DefineFunction(Name, "print_f64_f64", static (double _, double _) => { });
        linker.Define(Name, "global_i32", Global.Create(store, new GlobalType(WasmValueType.I32, false), 666));
        linker.Define(Name, "global_i64", Global.Create(store, new GlobalType(WasmValueType.I64, false), 666L));
        linker.Define(Name, "global_f32", Global.Create(store, new GlobalType(WasmValueType.F32, false), 666.6f));
        linker.Define(Name, "global_f64", Global.Create(store, new GlobalType(WasmValueType.F64, false), 666.6));
        linker.Define(Name, "table", Table.Create(store, new TableType(WasmValueType.FuncRef, 10, 20)));
        linker.Define(Name, "memory", Memory.Create(store, new MemoryType(1, 2)));
        if (features.HasFlag(WasmFeatures.Memory64))
        {
            linker.Define(Name, "table64", Table.Create(store, new TableType(WasmValueType.FuncRef, 10, 20, Is64Bit: true)));
        }

        if (features.HasFlag(WasmFeatures.Threads))
        {
            linker.Define(Name, "shared_memory", Memory.Create(store, new MemoryType(1, 2, IsShared: true)));
        }
    }
}
