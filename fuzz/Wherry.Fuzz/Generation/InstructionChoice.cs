using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Fuzz.Generation;

/// <summary>The instructions that the functions of a module try.</summary>
internal sealed class InstructionChoice
{
    private readonly Opcode[] all;
    private readonly Opcode[][] byFeature;
    private readonly Dictionary<EncodedType, Instruction[]> byResult = [];
    private readonly Dictionary<EncodedType, Instruction[]> byParameters = [];

    public InstructionChoice(GeneratorOptions options)
    {
        Instruction[] allowed = [.. InstructionTable.All.Where(instruction => IsAllowed(instruction, options))];

        // What stands for several, or seldom gets to do its work, is tried more often.
        all = [.. allowed.SelectMany(instruction => Enumerable.Repeat(instruction.Opcode, instruction.Opcode is Opcode.Try ? 12 : instruction.Opcode is Opcode.TryTable or Opcode.ThrowRef ? 6 : 1))];
        byFeature = [.. all.GroupBy(opcode => InstructionTable.Get(opcode).Feature).Select(group => group.ToArray())];
        foreach ((EncodedType type, Operand operand) in (ReadOnlySpan<(EncodedType, Operand)>)
            [(Types.I32, Operand.I32), (Types.I64, Operand.I64), (Types.F32, Operand.F32), (Types.F64, Operand.F64), (Types.V128, Operand.V128)])
        {
            byResult[type] = [.. allowed.Where(instruction => instruction.HasFixedSignature && instruction.Results.Length == 1 && instruction.Results[0] == operand)];
        }
    }

    /// <summary>Each as often as any other, but now and then one of a feature that is picked first: vectors have the most instructions, and would leave little to what has few.</summary>
    public Opcode Pick(Randomness random) => random.Pick(random.OneIn(4) ? random.Pick(byFeature) : all);

    /// <summary>An instruction that gives one number or vector.</summary>
    public Instruction PickFor(EncodedType type, Randomness random) => random.Pick(byResult[type]);

    /// <summary>Instructions that give the type and take it once at least, and no memory.</summary>
    public Instruction[] ByParameters(EncodedType type) => byParameters.TryGetValue(type, out Instruction[]? found) ? found : byParameters[type] =
        [.. byResult[type].Where(instruction => instruction.AccessLog2 < 0 && instruction.Parameters.Contains(instruction.Results[0]) && instruction.Feature != WasmFeatures.RelaxedSimd)];

    public static bool IsAllowed(Instruction instruction, GeneratorOptions options)
    {
        switch (instruction.Opcode)
        {
            // Parts of others.
            case Opcode.End or Opcode.Else or Opcode.Catch or Opcode.CatchAll or Opcode.Delegate or Opcode.Rethrow:
                return false;
            case Opcode.MemoryAtomicWait32 or Opcode.MemoryAtomicWait64:
                return options.HasThreads;
        }

        return instruction.Feature switch
        {
            WasmFeatures.CustomDescriptors => false,
            WasmFeatures.WideArithmetic => options.HasWideArithmetic,
            WasmFeatures.GarbageCollection or WasmFeatures.FunctionReferences => options.HasGarbageCollection,
            WasmFeatures.TailCalls => !options.IsPlain
                && (instruction.Opcode == Opcode.ReturnCall || !options.CanBeLeft)
                && (instruction.Opcode != Opcode.ReturnCallRef || options.HasGarbageCollection),
            WasmFeatures.ExceptionHandling => options.HasExceptions && (instruction.Opcode == Opcode.Throw || !options.HasLegacyExceptions),
            WasmFeatures.LegacyExceptions => options.HasExceptions && options.HasLegacyExceptions,
            WasmFeatures.Threads => !options.IsPlain,
            WasmFeatures.RelaxedSimd => !options.IsPlain,
            _ => true,
        };
    }
}
