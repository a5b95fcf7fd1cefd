using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <summary>What the compiler can't do yet is refused when a module is loaded.</summary>
internal static class SupportedInstructions
{
    private const WasmFeatures Supported = WasmFeatures.SignExtension | WasmFeatures.SaturatingFloatToInt | WasmFeatures.MultiValue | WasmFeatures.MutableGlobals
        | WasmFeatures.BulkMemory | WasmFeatures.ReferenceTypes | WasmFeatures.TailCalls | WasmFeatures.ExtendedConstants
        | WasmFeatures.FunctionReferences | WasmFeatures.MultiMemory | WasmFeatures.Memory64 | WasmFeatures.CustomPageSizes
        | WasmFeatures.Simd | WasmFeatures.RelaxedSimd | WasmFeatures.GarbageCollection | WasmFeatures.ExceptionHandling | WasmFeatures.LegacyExceptions
        | WasmFeatures.Threads | WasmFeatures.WideArithmetic | WasmFeatures.CustomDescriptors;

    /// <exception cref="InvalidModuleException">The module has an instruction that there is no code for.</exception>
    public static void Check(ModuleDefinition definition)
    {
        if ((definition.FeaturesUsed & ~Supported) == 0)
        {
            return;
        }

        foreach (FunctionBody body in definition.Bodies)
        {
            Check(definition, body.CodeOffset, body.End);
        }

        foreach (GlobalDefinition global in definition.Globals)
        {
            if (global.Initializer is { } expression)
            {
                Check(definition, expression.Offset, expression.Offset + expression.Length);
            }
        }
    }

    private static void Check(ModuleDefinition definition, int start, int end)
    {
        var reader = new InstructionReader(definition.Bytes.Span, start, end);
        while (reader.Next())
        {
            if ((reader.Instruction.Feature & ~Supported) != 0)
            {
                throw new InvalidModuleException($"{reader.Instruction.Name} ({reader.Instruction.Feature}) is not supported yet", reader.Offset);
            }
        }
    }
}
