using Wherry.Instructions;
using Wherry.Tests.Binary;

namespace Wherry.Tests.Validation;

/// <summary>Each instruction with a fixed signature: it takes what the table says, and nothing less.</summary>
public class InstructionValidationTests
{
    public static TheoryData<string> FixedOpcodes =>
        [.. InstructionTable.All.Where(row => row.HasFixedSignature && row.Immediate is not (Immediate.Data or Immediate.Element)).Select(row => row.Opcode.ToString())];

    [Theory]
    [MemberData(nameof(FixedOpcodes))]
    public void It_takes_its_parameters_and_gives_its_results(string name)
    {
        Instruction instruction = InstructionTable.Get(Enum.Parse<Opcode>(name));
        foreach (bool is64Bit in (bool[])[false, true])
        {
            byte[] module = Module(instruction, is64Bit, Push(instruction.Parameters, is64Bit));
            Assert.Null(Modules.Refusal(module));
        }
    }

    [Theory]
    [MemberData(nameof(FixedOpcodes))]
    public void It_refuses_other_operands(string name)
    {
        Instruction instruction = InstructionTable.Get(Enum.Parse<Opcode>(name));
        if (instruction.Parameters.Length == 0)
        {
            return;
        }

        ModuleException? missing = Modules.Refusal(Module(instruction, false, Push(instruction.Parameters[1..], false)));
        Assert.StartsWith("type mismatch: instruction requires [", missing?.Message);
        Assert.Contains($"; {instruction.Name} in function 0", missing!.Message, StringComparison.Ordinal);
        for (int i = 0; i < instruction.Parameters.Length; i++)
        {
            Operand[] wrong = [.. instruction.Parameters];
            wrong[i] = wrong[i] == Operand.F32 ? Operand.F64 : Operand.F32;
            Assert.StartsWith("type mismatch: instruction requires [", Modules.Refusal(Module(instruction, false, Push(wrong, false)))?.Message);
        }

        // In unreachable code all operands may be missing.
        Assert.Null(Modules.Refusal(Module(instruction, false, [0x00])));
    }

    [Theory]
    [MemberData(nameof(FixedOpcodes))]
    public void It_needs_its_feature(string name)
    {
        Instruction instruction = InstructionTable.Get(Enum.Parse<Opcode>(name));
        if (instruction.Feature != WasmFeatures.None)
        {
            // Nothing before it may need the feature, so the operands are missing.
            ModuleException? exception = Modules.Refusal(Module(instruction, false, [0x00]), Modules.AllFeatures & ~instruction.Feature);
            Assert.StartsWith($"The instruction {instruction.Name} needs the feature ", exception?.Message);
        }
    }

    [Fact]
    public void An_alignment_above_the_natural_one_is_refused()
    {
        foreach (Instruction instruction in InstructionTable.All.Where(row => row.AccessLog2 >= 0))
        {
            byte[] code = [.. Push(instruction.Parameters, false), .. Encode(instruction, alignment: instruction.AccessLog2 + 1)];
            Assert.StartsWith("alignment must not be larger than natural", Modules.Refusal(WithMemory(false, code))?.Message);
        }
    }

    [Fact]
    public void A_memory_that_is_not_there_is_refused()
    {
        foreach (Instruction instruction in InstructionTable.All.Where(row => row.AccessLog2 >= 0))
        {
            byte[] code = [.. Push(instruction.Parameters, false), .. Encode(instruction), .. Drop(instruction), 0x0B];
            Assert.StartsWith("unknown memory 0", Modules.Refusal(ModuleBuilder.WithCode(code))?.Message);
        }
    }

    private static byte[] Module(Instruction instruction, bool is64Bit, byte[] operands) =>
        WithMemory(is64Bit, [.. operands, .. Encode(instruction), .. Drop(instruction), 0x0B]);

    private static byte[] WithMemory(bool is64Bit, byte[] code) => new ModuleBuilder()
        .Section(1, ModuleBuilder.Vector(ModuleBuilder.FunctionType([], [])))
        .Section(3, ModuleBuilder.Vector([0]))
        .Section(5, ModuleBuilder.Vector([(byte)(is64Bit ? 4 : 0), 0]))
        .Section(10, ModuleBuilder.Vector(ModuleBuilder.Body([0], code)))
        .Build();

    private static byte[] Encode(Instruction instruction, int alignment = -1)
    {
        (byte prefix, uint code) = InstructionTable.Encoding(instruction.Opcode);
        byte[] start = prefix == 0 ? [(byte)code] : [prefix, .. ModuleBuilder.Leb(code)];
        byte align = (byte)(alignment >= 0 ? alignment : Math.Max(0, instruction.AccessLog2));
        byte[] immediate = instruction.Immediate switch
        {
            Immediate.None => [],
            Immediate.MemoryArgument => [align, 0],
            Immediate.MemoryArgumentLane => [align, 0, 0],
            Immediate.F32 => new byte[4],
            Immediate.F64 => new byte[8],
            Immediate.V128 or Immediate.Shuffle => new byte[16],
            _ => [0],
        };
        return [.. start, .. immediate];
    }

    private static byte[] Drop(Instruction instruction) => [.. Enumerable.Repeat((byte)0x1A, instruction.Results.Length)];

    private static byte[] Push(IEnumerable<Operand> operands, bool is64Bit) => [.. operands.SelectMany(operand => Constant(operand, is64Bit))];

    private static byte[] Constant(Operand operand, bool is64Bit) => operand switch
    {
        Operand.I32 => [0x41, 0],
        Operand.I64 => [0x42, 0],
        Operand.F32 => [0x43, 0, 0, 0, 0],
        Operand.F64 => [0x44, 0, 0, 0, 0, 0, 0, 0, 0],
        Operand.V128 => [0xFD, 12, .. new byte[16]],
        _ => is64Bit ? [0x42, 0] : [0x41, 0],
    };
}
