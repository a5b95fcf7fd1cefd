using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <summary>
/// How many values a function's calls and blocks give and take. Each may need a local of the method, and a call of two bytes may give more than a hundred: small functions may be too large that way.
/// </summary>
internal static class WideTypes
{
    /// <summary>The most parameters or results that any of a module's function types has.</summary>
    public static int FindLargest(ModuleDefinition definition)
    {
        int largest = 1;
        foreach (Types.DefinedType type in definition.Types)
        {
            if (type.Function is { } function)
            {
                largest = Math.Max(largest, Math.Max(function.Parameters.Length, function.Results.Length));
            }
        }

        return largest;
    }

    /// <summary>The values that a function's calls, blocks and handlers give and take, each counted as often as it stands in the code.</summary>
    public static long Count(ModuleDefinition definition, FunctionBody body)
    {
        long count = 0;
        var reader = new InstructionReader(definition.Bytes.Span, body.CodeOffset, body.End);
        while (reader.Next())
        {
            switch (reader.Opcode)
            {
                case Opcode.Call or Opcode.ReturnCall:
                    count += definition.Functions[reader.Index].Function!.Results.Length;
                    break;
                case Opcode.CallIndirect or Opcode.CallRef or Opcode.ReturnCallIndirect or Opcode.ReturnCallRef:
                    count += definition.Types[reader.Index].Function!.Results.Length;
                    break;
                case Opcode.Catch:
                    count += definition.Tags[reader.Index].Function!.Parameters.Length;
                    break;
                case Opcode.TryTable or Opcode.Block or Opcode.Loop or Opcode.If or Opcode.Try:
                    if (reader.BlockType.Kind == BlockTypeKind.TypeIndex)
                    {
                        FunctionType type = definition.Types[reader.BlockType.TypeIndex].Function!;
                        count += type.Parameters.Length + type.Results.Length;
                    }

                    break;
            }
        }

        return count;
    }
}
