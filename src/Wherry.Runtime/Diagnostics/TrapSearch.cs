using Wherry.Instructions;

namespace Wherry.Diagnostics;

/// <summary>Finds the instruction that trapped.</summary>
/// <param name="kind">The trap.</param>
/// <param name="access">The machine's instruction, if it was a memory's guard that trapped.</param>
internal sealed class TrapSearch(TrapKind kind, MachineAccess? access) : PlaceSearch
{
    private const int Possible = 1;
    private const int SameSize = 2;
    private const int SameOffset = 4;
    private const int SameDirection = 8;

    protected override int Rate(ref InstructionReader instruction, long? constant)
    {
        Opcode opcode = instruction.Opcode;
        bool isPossible = kind switch
        {
            TrapKind.MemoryOutOfBounds => instruction.Instruction.AccessLog2 >= 0 || IsOnWholeMemory(opcode),
            TrapKind.TableOutOfBounds => opcode is Opcode.TableGet or Opcode.TableSet or Opcode.TableInit or Opcode.TableCopy or Opcode.TableFill or Opcode.ArrayNewElem or Opcode.ArrayInitElem,
            TrapKind.UndefinedElement or TrapKind.UninitializedElement or TrapKind.IndirectCallTypeMismatch => opcode is Opcode.CallIndirect or Opcode.ReturnCallIndirect,
            TrapKind.IntegerDivideByZero => IsDivision(opcode) && constant is null or 0,
            TrapKind.IntegerOverflow => opcode is Opcode.I32DivS or Opcode.I64DivS ? constant is null or -1 : IsTruncation(opcode),
            TrapKind.InvalidConversionToInteger => IsTruncation(opcode),
            TrapKind.UnalignedAtomic or TrapKind.ExpectedSharedMemory => instruction.Instruction.Feature == WasmFeatures.Threads,
            TrapKind.CastFailure or TrapKind.NullReference or TrapKind.ArrayOutOfBounds => instruction.Instruction.Feature is WasmFeatures.GarbageCollection or WasmFeatures.FunctionReferences,
            TrapKind.Unreachable => opcode == Opcode.Unreachable,
            TrapKind.Interrupted or TrapKind.TimeLimit => opcode == Opcode.Loop,
            _ => false,
        };
        if (!isPossible)
        {
            return 0;
        }

        return access is { } machine && kind == TrapKind.MemoryOutOfBounds ? Possible + Compare(ref instruction, constant, machine) : Possible;
    }

    private static int Compare(ref InstructionReader instruction, long? constant, MachineAccess machine)
    {
        bool isStore = instruction.Instruction.Results.Length == 0;
        ulong offset = instruction.MemoryOffset + (isStore ? 0 : (uint)(constant ?? 0));
        return (isStore == machine.IsStore ? SameDirection : 0)
            + (offset == (ulong)machine.Displacement ? SameOffset : 0)
            + (1 << Math.Max(0, instruction.Instruction.AccessLog2) == machine.Size ? SameSize : 0);
    }

    private static bool IsOnWholeMemory(Opcode opcode) =>
        opcode is Opcode.MemoryFill or Opcode.MemoryCopy or Opcode.MemoryInit or Opcode.ArrayNewData or Opcode.ArrayInitData;

    private static bool IsDivision(Opcode opcode) => opcode is (>= Opcode.I32DivS and <= Opcode.I32RemU) or (>= Opcode.I64DivS and <= Opcode.I64RemU);

    private static bool IsTruncation(Opcode opcode) => opcode is (>= Opcode.I32TruncF32S and <= Opcode.I32TruncF64U) or (>= Opcode.I64TruncF32S and <= Opcode.I64TruncF64U);
}
