using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <summary>
/// Which functions are compiled in haste first. Go's compiler makes each function that calls others a loop which branches on a parameter to where the function goes on, since goroutines
/// are switched by returning from all that is on the stack. A program of Go runs a thousand functions before it answers anything, most of them once; that they contain a loop
/// says nothing of how long they run, which it does elsewhere.
/// </summary>
internal static class HastyFunctions
{
    // Larger ones may have to be divided to be optimized at all, which takes its time anyway.
    private const int MaximumSize = 16 * 1024;

    private const int FunctionsLookedAt = 200;
    private const int InstructionsLookedAt = 64;

    /// <summary>Whether any of the module's first functions branches to where it goes on.</summary>
    public static bool FindResumable(ModuleDefinition definition)
    {
        for (int i = 0; i < Math.Min(definition.Bodies.Length, FunctionsLookedAt); i++)
        {
            if (IsResumable(definition, i))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether a function branches to where it goes on, and is no larger than what is compiled in haste.</summary>
    public static bool IsResumable(ModuleDefinition definition, int bodyIndex)
    {
        FunctionBody body = definition.Bodies[bodyIndex];
        if (MethodEmission.NeedsTrial(definition, body, MaximumSize))
        {
            return false;
        }

        int parameters = definition.Functions[definition.ImportedFunctionCount + bodyIndex].Function!.Parameters.Length;
        var reader = new InstructionReader(definition.Bytes.Span, body.CodeOffset, body.End);
        bool isInLoop = false;
        bool isParameter = false;
        for (int i = 0; i < InstructionsLookedAt && reader.Next(); i++)
        {
            switch (reader.Opcode)
            {
                case Opcode.Loop when !isInLoop:
                    isInLoop = true;
                    break;
                case Opcode.Block:
                    i--;
                    break;
                case Opcode.LocalGet when isInLoop && !isParameter && reader.Index < parameters:
                    isParameter = true;
                    break;
                case Opcode.BrTable:
                    return isParameter;
                default:
                    if (isInLoop)
                    {
                        return false;
                    }

                    break;
            }
        }

        return false;
    }
}
