namespace Wherry;

/// <summary>
/// The proposals that are not part of WebAssembly 1.0. A module that uses one that is off is refused with an error that names it.
/// </summary>
[Flags]
public enum WasmFeatures
{
    /// <summary>WebAssembly 1.0 alone.</summary>
    None = 0,

    /// <summary>Sign-extension operators (Wasm 2.0).</summary>
    SignExtension = 1 << 0,

    /// <summary>Non-trapping float-to-int conversions (Wasm 2.0).</summary>
    SaturatingFloatToInt = 1 << 1,

    /// <summary>Blocks and functions with several results (Wasm 2.0).</summary>
    MultiValue = 1 << 2,

    /// <summary>Import and export of mutable globals (Wasm 2.0).</summary>
    MutableGlobals = 1 << 3,

    /// <summary>Bulk memory and table operations (Wasm 2.0).</summary>
    BulkMemory = 1 << 4,

    /// <summary>Reference types and several tables (Wasm 2.0).</summary>
    ReferenceTypes = 1 << 5,

    /// <summary>128-bit vectors (Wasm 2.0).</summary>
    Simd = 1 << 6,

    /// <summary>Vector instructions whose results may differ between processors (Wasm 3.0).</summary>
    RelaxedSimd = 1 << 7,

    /// <summary>Tail calls (Wasm 3.0).</summary>
    TailCalls = 1 << 8,

    /// <summary>Arithmetic in constant expressions (Wasm 3.0).</summary>
    ExtendedConstants = 1 << 9,

    /// <summary>Typed function references (Wasm 3.0).</summary>
    FunctionReferences = 1 << 10,

    /// <summary>Structs, arrays and casts (Wasm 3.0).</summary>
    GarbageCollection = 1 << 11,

    /// <summary>Exceptions with exnref (Wasm 3.0).</summary>
    ExceptionHandling = 1 << 12,

    /// <summary>The older form of exceptions: try, catch, delegate, rethrow.</summary>
    LegacyExceptions = 1 << 13,

    /// <summary>Several memories (Wasm 3.0).</summary>
    MultiMemory = 1 << 14,

    /// <summary>64-bit memories and tables (Wasm 3.0).</summary>
    Memory64 = 1 << 15,

    /// <summary>Shared memories and atomic instructions.</summary>
    Threads = 1 << 16,

    /// <summary>Memories whose pages are one byte.</summary>
    CustomPageSizes = 1 << 17,

    /// <summary>128-bit integer arithmetic.</summary>
    WideArithmetic = 1 << 18,

    /// <summary>Custom descriptors and exact types.</summary>
    CustomDescriptors = 1 << 19,

    /// <summary>All of WebAssembly 2.0.</summary>
    Wasm2 = SignExtension | SaturatingFloatToInt | MultiValue | MutableGlobals | BulkMemory | ReferenceTypes | Simd,

    /// <summary>All of WebAssembly 3.0.</summary>
    Wasm3 = Wasm2 | RelaxedSimd | TailCalls | ExtendedConstants | FunctionReferences | GarbageCollection | ExceptionHandling
        | MultiMemory | Memory64,

    /// <summary>What an engine accepts unless told otherwise: WebAssembly 3.0, legacy exceptions and threads.</summary>
    Default = Wasm3 | LegacyExceptions | Threads,
}
