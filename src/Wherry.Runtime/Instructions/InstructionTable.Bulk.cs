namespace Wherry.Instructions;

internal static partial class InstructionTable
{
    // Prefix 0xFC: saturating truncation, bulk operations, wide arithmetic.
    private static Instruction[] BulkInstructions() =>
    [
        new(Opcode.I32TruncSatF32S, "i32.trunc_sat_f32_s", WasmFeatures.SaturatingFloatToInt, Immediate.None, "f32 -> i32"),
        new(Opcode.I32TruncSatF32U, "i32.trunc_sat_f32_u", WasmFeatures.SaturatingFloatToInt, Immediate.None, "f32 -> i32"),
        new(Opcode.I32TruncSatF64S, "i32.trunc_sat_f64_s", WasmFeatures.SaturatingFloatToInt, Immediate.None, "f64 -> i32"),
        new(Opcode.I32TruncSatF64U, "i32.trunc_sat_f64_u", WasmFeatures.SaturatingFloatToInt, Immediate.None, "f64 -> i32"),
        new(Opcode.I64TruncSatF32S, "i64.trunc_sat_f32_s", WasmFeatures.SaturatingFloatToInt, Immediate.None, "f32 -> i64"),
        new(Opcode.I64TruncSatF32U, "i64.trunc_sat_f32_u", WasmFeatures.SaturatingFloatToInt, Immediate.None, "f32 -> i64"),
        new(Opcode.I64TruncSatF64S, "i64.trunc_sat_f64_s", WasmFeatures.SaturatingFloatToInt, Immediate.None, "f64 -> i64"),
        new(Opcode.I64TruncSatF64U, "i64.trunc_sat_f64_u", WasmFeatures.SaturatingFloatToInt, Immediate.None, "f64 -> i64"),
        new(Opcode.MemoryInit, "memory.init", WasmFeatures.BulkMemory, Immediate.DataMemory),
        new(Opcode.DataDrop, "data.drop", WasmFeatures.BulkMemory, Immediate.Data, "->"),
        new(Opcode.MemoryCopy, "memory.copy", WasmFeatures.BulkMemory, Immediate.MemoryMemory),
        new(Opcode.MemoryFill, "memory.fill", WasmFeatures.BulkMemory, Immediate.Memory),
        new(Opcode.TableInit, "table.init", WasmFeatures.BulkMemory, Immediate.ElementTable),
        new(Opcode.ElemDrop, "elem.drop", WasmFeatures.BulkMemory, Immediate.Element, "->"),
        new(Opcode.TableCopy, "table.copy", WasmFeatures.BulkMemory, Immediate.TableTable),
        new(Opcode.TableGrow, "table.grow", WasmFeatures.ReferenceTypes, Immediate.Table),
        new(Opcode.TableSize, "table.size", WasmFeatures.ReferenceTypes, Immediate.Table),
        new(Opcode.TableFill, "table.fill", WasmFeatures.ReferenceTypes, Immediate.Table),
        new(Opcode.I64Add128, "i64.add128", WasmFeatures.WideArithmetic, Immediate.None, "i64 i64 i64 i64 -> i64 i64"),
        new(Opcode.I64Sub128, "i64.sub128", WasmFeatures.WideArithmetic, Immediate.None, "i64 i64 i64 i64 -> i64 i64"),
        new(Opcode.I64MulWideS, "i64.mul_wide_s", WasmFeatures.WideArithmetic, Immediate.None, "i64 i64 -> i64 i64"),
        new(Opcode.I64MulWideU, "i64.mul_wide_u", WasmFeatures.WideArithmetic, Immediate.None, "i64 i64 -> i64 i64"),
    ];
}
