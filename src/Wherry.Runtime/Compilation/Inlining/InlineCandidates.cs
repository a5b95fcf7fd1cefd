using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation.Inlining;

/// <summary>Which functions are so small that their code is written in place of calls to them. It follows from the definition alone. Any number of threads may ask.</summary>
internal sealed class InlineCandidates(ModuleDefinition definition, Func<int, bool> returnsExceptions)
{
    // A call costs about as much as ten instructions. More than small functions are rarely calls' main cost, and other compilers have inlined before us.
    private const int MaximumCodeSize = 64;
    private const int MaximumLocals = 16;

    // 0: not asked for yet.
    private const byte No = 1;
    private const byte Yes = 2;

    private readonly byte[][] _answers = [.. Enum.GetValues<Use>().Select(_ => new byte[definition.Bodies.Length])];

    /// <summary>What a function's code is to take the place of.</summary>
    private enum Use
    {
        /// <summary>A call, of a function that calls none but itself.</summary>
        Leaf,

        /// <summary>A call, of a function that calls such, or itself.</summary>
        Call,

        /// <summary>A tail call, of a function that may itself end with one, but calls none: where it was, nothing looks at the stack that a call would need.</summary>
        TailCall,
    }

    /// <summary>Whether calls to a function may be replaced by its code.</summary>
    public bool Contains(int function) => IsSuitable(function, Use.Call);

    /// <summary>Whether tail calls to a function may be replaced by its code: it may then end with a tail call itself.</summary>
    public bool ContainsForTail(int function) => IsSuitable(function, Use.TailCall);

    private bool IsSuitable(int function, Use use)
    {
        int index = function - definition.ImportedFunctionCount;
        if (index < 0)
        {
            return false;
        }

        byte[] answers = _answers[(int)use];
        if (answers[index] == 0)
        {
            answers[index] = IsSuitable(function, definition.Bodies[index], use) ? Yes : No;
        }

        return answers[index] == Yes;
    }

    private bool IsSuitable(int function, FunctionBody body, Use use)
    {
        if (body.End - body.CodeOffset > MaximumCodeSize || (use == Use.TailCall && returnsExceptions(function)))
        {
            return false;
        }

        int locals = 0;
        foreach (LocalRun run in body.Locals)
        {
            locals += run.Count;
            if (locals > MaximumLocals)
            {
                return false;
            }
        }

        var reader = new InstructionReader(definition.Bytes.Span, body.CodeOffset, body.End);
        while (reader.Next())
        {
            bool isSuitable = reader.Opcode switch
            {
                Opcode.Call when reader.Index == function => use != Use.TailCall,
                Opcode.Call => use == Use.Call && IsSuitable(reader.Index, Use.Leaf),
                Opcode.ReturnCall => use == Use.TailCall,
                Opcode.Throw => use != Use.TailCall,
                _ => NeverFaults(reader.Opcode),
            };
            if (!isSuitable)
            {
                return false;
            }
        }

        return true;
    }

    // What may fault is called: neither the search for a trap's place nor the analysis of shortened loads looks into code of other functions.
    private static bool NeverFaults(Opcode opcode) => opcode switch
    {
        Opcode.I32DivS or Opcode.I32DivU or Opcode.I32RemS or Opcode.I32RemU => false,
        Opcode.I64DivS or Opcode.I64DivU or Opcode.I64RemS or Opcode.I64RemU => false,
        Opcode.Nop or Opcode.Block or Opcode.Loop or Opcode.If or Opcode.Else or Opcode.End => true,
        Opcode.Br or Opcode.BrIf or Opcode.BrTable or Opcode.Return or Opcode.Drop or Opcode.Select or Opcode.SelectTyped => true,
        Opcode.LocalGet or Opcode.LocalSet or Opcode.LocalTee or Opcode.GlobalGet or Opcode.GlobalSet => true,
        >= Opcode.I32Const and <= Opcode.I64Extend32S => true,
        _ => false,
    };
}
