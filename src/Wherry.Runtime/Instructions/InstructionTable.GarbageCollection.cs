namespace Wherry.Instructions;

internal static partial class InstructionTable
{
    // Prefix 0xFB: garbage collection, custom descriptors.
    private static Instruction[] GarbageCollectionInstructions() =>
    [
        new(Opcode.StructNew, "struct.new", WasmFeatures.GarbageCollection, Immediate.Type),
        new(Opcode.StructNewDefault, "struct.new_default", WasmFeatures.GarbageCollection, Immediate.Type),
        new(Opcode.StructGet, "struct.get", WasmFeatures.GarbageCollection, Immediate.TypeField),
        new(Opcode.StructGetS, "struct.get_s", WasmFeatures.GarbageCollection, Immediate.TypeField),
        new(Opcode.StructGetU, "struct.get_u", WasmFeatures.GarbageCollection, Immediate.TypeField),
        new(Opcode.StructSet, "struct.set", WasmFeatures.GarbageCollection, Immediate.TypeField),
        new(Opcode.ArrayNew, "array.new", WasmFeatures.GarbageCollection, Immediate.Type),
        new(Opcode.ArrayNewDefault, "array.new_default", WasmFeatures.GarbageCollection, Immediate.Type),
        new(Opcode.ArrayNewFixed, "array.new_fixed", WasmFeatures.GarbageCollection, Immediate.TypeCount),
        new(Opcode.ArrayNewData, "array.new_data", WasmFeatures.GarbageCollection, Immediate.TypeData),
        new(Opcode.ArrayNewElem, "array.new_elem", WasmFeatures.GarbageCollection, Immediate.TypeElement),
        new(Opcode.ArrayGet, "array.get", WasmFeatures.GarbageCollection, Immediate.Type),
        new(Opcode.ArrayGetS, "array.get_s", WasmFeatures.GarbageCollection, Immediate.Type),
        new(Opcode.ArrayGetU, "array.get_u", WasmFeatures.GarbageCollection, Immediate.Type),
        new(Opcode.ArraySet, "array.set", WasmFeatures.GarbageCollection, Immediate.Type),
        new(Opcode.ArrayLen, "array.len", WasmFeatures.GarbageCollection, Immediate.None),
        new(Opcode.ArrayFill, "array.fill", WasmFeatures.GarbageCollection, Immediate.Type),
        new(Opcode.ArrayCopy, "array.copy", WasmFeatures.GarbageCollection, Immediate.TypeType),
        new(Opcode.ArrayInitData, "array.init_data", WasmFeatures.GarbageCollection, Immediate.TypeData),
        new(Opcode.ArrayInitElem, "array.init_elem", WasmFeatures.GarbageCollection, Immediate.TypeElement),
        new(Opcode.RefTest, "ref.test", WasmFeatures.GarbageCollection, Immediate.HeapType),
        new(Opcode.RefTestNullable, "ref.test null", WasmFeatures.GarbageCollection, Immediate.HeapType),
        new(Opcode.RefCast, "ref.cast", WasmFeatures.GarbageCollection, Immediate.HeapType),
        new(Opcode.RefCastNullable, "ref.cast null", WasmFeatures.GarbageCollection, Immediate.HeapType),
        new(Opcode.BrOnCast, "br_on_cast", WasmFeatures.GarbageCollection, Immediate.BranchOnCast),
        new(Opcode.BrOnCastFail, "br_on_cast_fail", WasmFeatures.GarbageCollection, Immediate.BranchOnCast),
        new(Opcode.AnyConvertExtern, "any.convert_extern", WasmFeatures.GarbageCollection, Immediate.None),
        new(Opcode.ExternConvertAny, "extern.convert_any", WasmFeatures.GarbageCollection, Immediate.None),
        new(Opcode.RefI31, "ref.i31", WasmFeatures.GarbageCollection, Immediate.None),
        new(Opcode.I31GetS, "i31.get_s", WasmFeatures.GarbageCollection, Immediate.None),
        new(Opcode.I31GetU, "i31.get_u", WasmFeatures.GarbageCollection, Immediate.None),
        new(Opcode.StructNewDesc, "struct.new_desc", WasmFeatures.CustomDescriptors, Immediate.Type),
        new(Opcode.StructNewDefaultDesc, "struct.new_default_desc", WasmFeatures.CustomDescriptors, Immediate.Type),
        new(Opcode.RefGetDesc, "ref.get_desc", WasmFeatures.CustomDescriptors, Immediate.Type),
        new(Opcode.RefCastDescEq, "ref.cast_desc_eq", WasmFeatures.CustomDescriptors, Immediate.HeapType),
        new(Opcode.RefCastDescEqNullable, "ref.cast_desc_eq null", WasmFeatures.CustomDescriptors, Immediate.HeapType),
        new(Opcode.BrOnCastDescEq, "br_on_cast_desc_eq", WasmFeatures.CustomDescriptors, Immediate.BranchOnCast),
        new(Opcode.BrOnCastDescEqFail, "br_on_cast_desc_eq_fail", WasmFeatures.CustomDescriptors, Immediate.BranchOnCast),
    ];
}
