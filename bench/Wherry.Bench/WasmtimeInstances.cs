using System.Runtime.InteropServices;
using System.Text;

namespace Wherry.Bench;

/// <summary>
/// Wasmtime's pooled instances through its C interface, as an embedder has them: an engine with the pooling allocator, a prepared instance, a store for each. Imports are traps.
/// </summary>
internal sealed unsafe class WasmtimeInstances
{
    private const int Instances = 1_000;

    // Larger than wasmtime_extern_t and wasmtime_val_t; an i32's value, and a function, lie at 8.
    private const int UnionSize = 64;
    private const int UnionValue = 8;

    private readonly nint library;
    private readonly nint engine;
    private readonly nint prepared;
    private readonly delegate* unmanaged<nint, nint, nint, nint> newStore;
    private readonly delegate* unmanaged<nint, nint> getContext;
    private readonly delegate* unmanaged<nint, void> deleteStore;
    private readonly delegate* unmanaged<nint, nint, byte*, nint*, nint> instantiate;
    private readonly delegate* unmanaged<nint, byte*, byte*, nuint, byte*, byte> getExport;
    private readonly delegate* unmanaged<nint, byte*, byte*, nuint, byte*, nuint, nint*, nint> call;

    /// <param name="path">Where libwasmtime is.</param>
    /// <param name="module">The module's bytes.</param>
    /// <param name="residentBytes">How much of each memory, from its start, and of each table it writes over rather than gives back.</param>
    public WasmtimeInstances(string path, byte[] module, int residentBytes)
    {
        library = NativeLibrary.Load(path);
        nint pool = ((delegate* unmanaged<nint>)Find("wasmtime_pooling_allocation_config_new"))();
        Set32("total_core_instances", Instances);
        Set32("total_memories", Instances);
        Set32("total_tables", Instances);
        SetSize("linear_memory_keep_resident", (nuint)residentBytes);
        SetSize("table_keep_resident", (nuint)residentBytes);
        nint config = ((delegate* unmanaged<nint>)Find("wasm_config_new"))();
        ((delegate* unmanaged<nint, nint, void>)Find("wasmtime_pooling_allocation_strategy_set"))(config, pool);
        engine = ((delegate* unmanaged<nint, nint>)Find("wasm_engine_new_with_config"))(config);
        nint compiled;
        fixed (byte* bytes = module)
        {
            Check(((delegate* unmanaged<nint, byte*, nuint, nint*, nint>)Find("wasmtime_module_new"))(engine, bytes, (nuint)module.Length, &compiled));
        }

        nint linker = ((delegate* unmanaged<nint, nint>)Find("wasmtime_linker_new"))(engine);
        Check(((delegate* unmanaged<nint, nint, nint>)Find("wasmtime_linker_define_unknown_imports_as_traps"))(linker, compiled));
        nint instance;
        Check(((delegate* unmanaged<nint, nint, nint*, nint>)Find("wasmtime_linker_instantiate_pre"))(linker, compiled, &instance));
        prepared = instance;
        newStore = (delegate* unmanaged<nint, nint, nint, nint>)Find("wasmtime_store_new");
        getContext = (delegate* unmanaged<nint, nint>)Find("wasmtime_store_context");
        deleteStore = (delegate* unmanaged<nint, void>)Find("wasmtime_store_delete");
        instantiate = (delegate* unmanaged<nint, nint, byte*, nint*, nint>)Find("wasmtime_instance_pre_instantiate");
        getExport = (delegate* unmanaged<nint, byte*, byte*, nuint, byte*, byte>)Find("wasmtime_instance_export_get");
        call = (delegate* unmanaged<nint, byte*, byte*, nuint, byte*, nuint, nint*, nint>)Find("wasmtime_func_call");

        void Set32(string name, uint value) => ((delegate* unmanaged<nint, uint, void>)Find($"wasmtime_pooling_allocation_config_{name}_set"))(pool, value);

        void SetSize(string name, nuint value) => ((delegate* unmanaged<nint, nuint, void>)Find($"wasmtime_pooling_allocation_config_{name}_set"))(pool, value);
    }

    /// <summary>Makes an instance and drops it.</summary>
    public void Drop()
    {
        byte* instance = stackalloc byte[UnionSize];
        deleteStore(Instantiate(instance, out _));
    }

    /// <summary>Makes an instance, has it check and write its pages, and drops it.</summary>
    public void UseReactor()
    {
        byte* instance = stackalloc byte[UnionSize];
        byte* result = stackalloc byte[UnionSize];
        nint store = Instantiate(instance, out nint context);
        Call(context, instance, "check"u8, result, 1);
        if (*(int*)(result + UnionValue) != 0)
        {
            throw new InvalidOperationException("The instance before left something.");
        }

        Call(context, instance, "write"u8, result, 0);
        deleteStore(store);
    }

    private nint Instantiate(byte* instance, out nint context)
    {
        nint store = newStore(engine, 0, 0);
        context = getContext(store);
        nint trap = 0;
        Check(instantiate(prepared, context, instance, &trap));
        return trap == 0 ? store : throw new InvalidOperationException("It trapped.");
    }

    private void Call(nint context, byte* instance, ReadOnlySpan<byte> name, byte* result, nuint results)
    {
        byte* export = stackalloc byte[UnionSize];
        fixed (byte* text = name)
        {
            if (getExport(context, instance, text, (nuint)name.Length, export) == 0)
            {
                throw new InvalidOperationException($"There is no export {Encoding.UTF8.GetString(name)}.");
            }
        }

        nint trap = 0;
        Check(call(context, export + UnionValue, null, 0, result, results, &trap));
        if (trap != 0)
        {
            throw new InvalidOperationException("It trapped.");
        }
    }

    private void Check(nint error)
    {
        if (error == 0)
        {
            return;
        }

        // wasm_byte_vec_t: a size and a pointer.
        nint* message = stackalloc nint[2];
        ((delegate* unmanaged<nint, nint*, void>)Find("wasmtime_error_message"))(error, message);
        throw new InvalidOperationException(Encoding.UTF8.GetString((byte*)message[1], (int)message[0]));
    }

    private nint Find(string name) => NativeLibrary.GetExport(library, name);
}
