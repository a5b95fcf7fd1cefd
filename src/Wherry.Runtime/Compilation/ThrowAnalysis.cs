using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <summary>
/// Finds the functions of a module that an exception may leave: those that throw, or call what may be any function, or call one of these. In a module with tags such functions
/// return with the exception in <see cref="Execution.PendingException"/>, and their callers look there. In a module without tags only those do that end with a tail call of what may be
/// any function, and their callers: for what is called so may return an exception, and there is no frame left that could make a thrown one of it.
/// </summary>
internal static class ThrowAnalysis
{
    /// <summary>Whether a function may return an exception, for each function of the module.</summary>
    public static bool[] Find(ModuleDefinition definition) => Find(definition, ofClr: false);

    /// <summary>Whether an exception of the CLR that stands for a guest's may come through a function: from what the host gave, or from a module without tags.</summary>
    public static bool[] FindOfClr(ModuleDefinition definition) => Find(definition, ofClr: true);

    private static bool[] Find(ModuleDefinition definition, bool ofClr)
    {
        int imported = definition.ImportedFunctionCount;
        var throws = new bool[definition.Functions.Length];
        throws.AsSpan(0, imported).SetAll(ofClr || definition.Tags.Length > 0);
        var callers = new List<int>?[definition.Functions.Length];
        var found = new Stack<int>();
        for (int i = 0; i < definition.Bodies.Length; i++)
        {
            if (Scan(definition, imported + i, callers, ofClr))
            {
                throws[imported + i] = true;
                found.Push(imported + i);
            }
        }

        while (found.TryPop(out int function))
        {
            foreach (int caller in callers[function] ?? [])
            {
                if (!throws[caller])
                {
                    throws[caller] = true;
                    found.Push(caller);
                }
            }
        }

        return throws;
    }

    private static bool Scan(ModuleDefinition definition, int function, List<int>?[] callers, bool ofClr)
    {
        FunctionBody body = definition.Bodies[function - definition.ImportedFunctionCount];
        var reader = new InstructionReader(definition.Bytes.Span, body.CodeOffset, body.End);
        while (reader.Next())
        {
            switch (reader.Opcode)
            {
                case Opcode.Throw:
                case Opcode.ThrowRef:
                case Opcode.Rethrow:
                case Opcode.Delegate:
                    // Without tags, what is thrown is another module's or the host's, and an exception of the CLR.
                    if (!ofClr || definition.Tags.Length == 0)
                    {
                        return true;
                    }

                    break;
                case Opcode.ReturnCallIndirect:
                case Opcode.ReturnCallRef:
                    return true;
                case Opcode.CallIndirect:
                case Opcode.CallRef:
                    if (ofClr || definition.Tags.Length > 0)
                    {
                        return true;
                    }

                    break;
                case Opcode.Call:
                case Opcode.ReturnCall:
                    if (reader.Index < definition.ImportedFunctionCount)
                    {
                        if (ofClr || reader.Opcode == Opcode.ReturnCall || definition.Tags.Length > 0)
                        {
                            return true;
                        }

                        break;
                    }

                    List<int> list = callers[reader.Index] ??= [];
                    if (list.Count == 0 || list[^1] != function)
                    {
                        list.Add(function);
                    }

                    break;
                default:
                    break;
            }
        }

        return false;
    }
}
