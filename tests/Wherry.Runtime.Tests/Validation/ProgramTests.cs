using Wherry.Binary;
using Wherry.Tests.Binary;

namespace Wherry.Tests.Validation;

/// <summary>Real programs, as compilers make them.</summary>
public class ProgramTests
{
    [Theory]
    [InlineData("bench")]
    [InlineData("guests")]
    public void Real_programs_are_accepted(string folder)
    {
        string[] files = Directory.GetFiles(SharedFiles.Find(folder), "*.wasm", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        Assert.All(files, file => Assert.Null(Modules.Refusal(File.ReadAllBytes(file), WasmFeatures.Default)));
    }

    [Fact]
    public void The_first_bad_function_of_a_large_module_is_the_one_that_is_reported()
    {
        byte[] bytes = File.ReadAllBytes(SharedFiles.Find("guests/orders-rust/orders.wasm"));
        ModuleDefinition module = Modules.Load(bytes);
        foreach (int index in (int[])[module.Bodies.Length - 1, module.Bodies.Length / 2, 1])
        {
            // Drop without an operand.
            bytes[module.Bodies[index].CodeOffset] = 0x1A;
            ModuleException? exception = Modules.Refusal(bytes);
            Assert.Equal(module.Bodies[index].CodeOffset, exception?.Offset);
            Assert.Contains($"drop in function {module.ImportedFunctionCount + index}", exception!.Message, StringComparison.Ordinal);
        }
    }
}
