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

    private readonly byte[] _answers = new byte[definition.Bodies.Length];
    private readonly byte[] _tailAnswers = new byte[definition.Bodies.Length];

    /// <summary>Whether calls to a function may be replaced by its code.</summary>
    public bool Contains(int function) => IsSuitable(function, _answers, isTail: false);

    /// <summary>Whether tail calls to a function may be replaced by its code: it may then end with a tail call itself.</summary>
    public bool ContainsForTail(int function) => IsSuitable(function, _tailAnswers, isTail: true);

    private bool IsSuitable(int function, byte[] answers, bool isTail)
    {
        int index = function - definition.ImportedFunctionCount;
        if (index < 0)
        {
            return false;
        }

        if (answers[index] == 0)
        {
            answers[index] = IsSuitable(function, definition.Bodies[index], isTail) ? Yes : No;
        }

        return answers[index] == Yes;
    }

    // Leaves, and functions that call themselves alone: with others a call remains. Where a tail call was, nothing looks at the stack that a call would need.
    private bool IsSuitable(int function, FunctionBody body, bool isTail)
    {
        if (body.End - body.CodeOffset > MaximumCodeSize || returnsExceptions(function))
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
                Opcode.Call => !isTail && reader.Index == function,
                Opcode.ReturnCall => isTail,
                _ => NeverFaults(reader.Opcode),
            };
            if (!isSuitable)
            {
                return false;
            }
        }

        return true;
    }

    // A fault is found in the code by the nearest place that the JIT noted, which may lie in the caller: the trap would miss the frame of the function that
    // was inlined. What calls a method to trap is found exactly.
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
