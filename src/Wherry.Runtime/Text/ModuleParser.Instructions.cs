using Wherry.Instructions;

namespace Wherry.Text;

// Instructions, plain and folded (specification, 6.5). Open blocks and folded operators stand on a stack of our own.
internal sealed partial class ModuleParser
{
    private readonly List<Frame> frames = [];
    private readonly ByteWriter pending = new();
    private readonly List<(string? Name, int Hidden)> labels = [];
    private readonly Dictionary<string, int> labelsByName = [];
    private ByteWriter code = new();
    private int codeStart;
    private int labelCount;

    private enum FrameKind : byte
    {
        /// <summary>The expression itself.</summary>
        Body,

        /// <summary>A folded instruction whose operands are read; it is encoded when its parenthesis closes.</summary>
        Operator,

        /// <summary>A folded block, loop or try_table.</summary>
        Block,

        /// <summary>A folded if before its <c>then</c>.</summary>
        Condition,

        /// <summary>A folded if after its <c>then</c>.</summary>
        AfterThen,

        /// <summary>A folded if after its <c>else</c>.</summary>
        AfterElse,

        /// <summary>A folded try before its <c>do</c>.</summary>
        Try,

        /// <summary>A folded try after its <c>do</c>.</summary>
        AfterDo,

        /// <summary>A folded try after a <c>catch</c>.</summary>
        AfterCatch,

        /// <summary>A folded try after its <c>catch_all</c> or <c>delegate</c>.</summary>
        AfterCatchAll,

        /// <summary>Inside <c>(then</c>, <c>(else</c>, <c>(do</c>, <c>(catch</c> or <c>(catch_all</c>.</summary>
        Part,

        PlainBlock,
        PlainIf,
        PlainElse,
        PlainTry,
        PlainCatch,
        PlainCatchAll,
    }

    /// <summary>An expression up to a parenthesis that closes what is around it, and an <c>end</c>.</summary>
    private void ReadExpression(ByteWriter output, int codeOffset = -1)
    {
        ReadInstructions(output, isSingle: false, codeOffset);
        output.Byte(0x0B);
    }

    /// <summary>One folded instruction, and an <c>end</c>.</summary>
    private void ReadFoldedExpression(ByteWriter output)
    {
        ReadInstructions(output, isSingle: true, -1);
        output.Byte(0x0B);
    }

    /// <param name="codeOffset">Where the body of the function starts in the output, or -1 outside of functions.</param>
    private void ReadInstructions(ByteWriter output, bool isSingle, int codeOffset)
    {
        code = output;
        codeStart = codeOffset;
        frames.Clear();
        pending.Clear();
        labels.Clear();
        labelsByName.Clear();
        if (codeOffset < 0)
        {
            locals.Clear();
        }

        frames.Add(new Frame(FrameKind.Body, at.Position));
        do
        {
            FrameKind kind = frames[^1].Kind;
            switch (at.Current.Kind)
            {
                case TokenKind.LeftParenthesis:
                    ReadOpen(kind);
                    break;
                case TokenKind.RightParenthesis when kind == FrameKind.Body:
                    return;
                case TokenKind.RightParenthesis:
                    ReadClose(kind);
                    break;
                case TokenKind.Keyword when kind is FrameKind.Body or FrameKind.Block or FrameKind.Part or >= FrameKind.PlainBlock:
                    ReadPlain(kind);
                    break;
                default:
                    throw at.Unexpected();
            }
        }
        while (!isSingle || frames.Count > 1);
    }

    private void Push(FrameKind kind, bool hasLabel = false, int pendingStart = -1, int hint = -1) =>
        frames.Add(new Frame(kind, at.Position, hasLabel, pendingStart, hint));

    private void Replace(FrameKind kind) => frames[^1] = frames[^1] with { Kind = kind };

    private void ReadOpen(FrameKind kind)
    {
        int hint = TryHintBefore(at.At(at.Position + 1));
        at.Position++;
        switch (kind)
        {
            case FrameKind.Condition when at.TryKeyword("then"u8):
                Frame frame = frames[^1];
                AddHint(frame.Hint);
                code.Bytes(pending.Written[frame.PendingStart..]);
                pending.Truncate(frame.PendingStart);
                PushLabel(frame.Label);
                Replace(FrameKind.AfterThen);
                Push(FrameKind.Part);
                return;
            case FrameKind.AfterThen:
                at.Keyword("else"u8);
                WriteOpcode(Opcode.Else);
                Replace(FrameKind.AfterElse);
                Push(FrameKind.Part);
                return;
            case FrameKind.Try:
                at.Keyword("do"u8);
                Replace(FrameKind.AfterDo);
                Push(FrameKind.Part);
                return;
            case FrameKind.AfterDo or FrameKind.AfterCatch:
                ReadFoldedHandler(kind);
                return;
            case FrameKind.AfterElse or FrameKind.AfterCatchAll:
                throw at.Unexpected();
            default:
                ReadFolded(hint);
                return;
        }
    }

    private void ReadFoldedHandler(FrameKind kind)
    {
        if (at.TryKeyword("catch"u8))
        {
            WriteOpcode(Opcode.Catch);
            code.Unsigned(tags.Resolve(at));
            Replace(FrameKind.AfterCatch);
            Push(FrameKind.Part);
        }
        else if (at.TryKeyword("catch_all"u8))
        {
            WriteOpcode(Opcode.CatchAll);
            Replace(FrameKind.AfterCatchAll);
            Push(FrameKind.Part);
        }
        else if (kind == FrameKind.AfterDo && at.TryKeyword("delegate"u8))
        {
            PopLabel();
            WriteOpcode(Opcode.Delegate);
            code.Unsigned(ResolveLabel());
            at.Close();
            frames[^1] = frames[^1] with { Kind = FrameKind.AfterCatchAll, HasLabel = false };
        }
        else
        {
            throw at.Unexpected();
        }
    }

    private void ReadClose(FrameKind kind)
    {
        Frame frame = frames[^1];
        switch (kind)
        {
            case FrameKind.Operator:
                AddHint(frame.Hint);
                code.Bytes(pending.Written[frame.PendingStart..]);
                pending.Truncate(frame.PendingStart);
                break;
            case FrameKind.Block or FrameKind.AfterThen or FrameKind.AfterElse or FrameKind.AfterDo or FrameKind.AfterCatch or FrameKind.AfterCatchAll:
                // A try that delegates has no end of its own.
                if (frame.HasLabel || kind != FrameKind.AfterCatchAll)
                {
                    WriteOpcode(Opcode.End);
                    PopLabel();
                }

                break;
            case FrameKind.Part:
                break;
            default:
                throw at.Unexpected();
        }

        frames.RemoveAt(frames.Count - 1);
        at.Position++;
    }

    /// <summary>A folded instruction, behind its parenthesis.</summary>
    private void ReadFolded(int hint)
    {
        Token token = at.Current;
        Instruction instruction = FindInstruction();
        switch (instruction.Opcode)
        {
            case Opcode.Block or Opcode.Loop or Opcode.TryTable:
                ReadBlockStart(instruction.Opcode, code);
                Push(FrameKind.Block, hasLabel: true);
                break;
            case Opcode.If:
                int start = pending.Length;
                string? label = at.TryIdentifier();
                WriteOpcode(pending, Opcode.If);
                ReadBlockType(pending);
                frames.Add(new Frame(FrameKind.Condition, at.Position, true, start, hint, label));
                break;
            case Opcode.Try:
                ReadBlockStart(Opcode.Try, code);
                Push(FrameKind.Try, hasLabel: true);
                break;
            case Opcode.End or Opcode.Else or Opcode.Catch or Opcode.CatchAll or Opcode.Delegate:
                throw at.Unexpected(token);
            default:
                int operatorStart = pending.Length;
                ReadInstruction(instruction, pending);
                Push(FrameKind.Operator, pendingStart: operatorStart, hint: hint);
                break;
        }
    }

    private void ReadPlain(FrameKind kind)
    {
        Token token = at.Current;
        int hint = TryHintBefore(token);
        Instruction instruction = FindInstruction();
        switch (instruction.Opcode)
        {
            case Opcode.Block or Opcode.Loop or Opcode.TryTable:
                ReadBlockStart(instruction.Opcode, code);
                Push(FrameKind.PlainBlock, hasLabel: true);
                break;
            case Opcode.If:
                AddHint(hint);
                ReadBlockStart(Opcode.If, code);
                Push(FrameKind.PlainIf, hasLabel: true);
                break;
            case Opcode.Try:
                ReadBlockStart(Opcode.Try, code);
                Push(FrameKind.PlainTry, hasLabel: true);
                break;
            case Opcode.Else when kind == FrameKind.PlainIf:
                CheckLabel();
                WriteOpcode(Opcode.Else);
                Replace(FrameKind.PlainElse);
                break;
            case Opcode.Catch when kind is FrameKind.PlainTry or FrameKind.PlainCatch:
                WriteOpcode(Opcode.Catch);
                code.Unsigned(tags.Resolve(at));
                Replace(FrameKind.PlainCatch);
                break;
            case Opcode.CatchAll when kind is FrameKind.PlainTry or FrameKind.PlainCatch:
                WriteOpcode(Opcode.CatchAll);
                Replace(FrameKind.PlainCatchAll);
                break;
            case Opcode.Delegate when kind == FrameKind.PlainTry:
                PopLabel();
                WriteOpcode(Opcode.Delegate);
                code.Unsigned(ResolveLabel());
                frames.RemoveAt(frames.Count - 1);
                break;
            case Opcode.End when kind >= FrameKind.PlainBlock:
                CheckLabel();
                WriteOpcode(Opcode.End);
                PopLabel();
                frames.RemoveAt(frames.Count - 1);
                break;
            case Opcode.End or Opcode.Else or Opcode.Catch or Opcode.CatchAll or Opcode.Delegate:
                throw at.Unexpected(token);
            default:
                AddHint(hint);
                ReadInstruction(instruction, code);
                break;
        }
    }

    private Instruction FindInstruction()
    {
        Instruction? instruction = at.Is(TokenKind.Keyword) ? Keywords.Find(at.Source.Text(at.Current)) : null;
        if (instruction is null)
        {
            throw at.Unexpected();
        }

        at.Position++;
        return instruction;
    }

    private int TryHintBefore(in Token token) =>
        codeStart < 0 ? -1 : TryBranchHint(at.Source.Is(token, "if"u8) || at.Source.Is(token, "br_if"u8));

    private void AddHint(int hint)
    {
        if (hint >= 0)
        {
            hints.Add((code.Length - codeStart, hint));
        }
    }

    /// <summary>Label, block type and, for try_table, catch clauses; then the label is in scope.</summary>
    private void ReadBlockStart(Opcode opcode, ByteWriter output)
    {
        string? label = at.TryIdentifier();
        WriteOpcode(output, opcode);
        ReadBlockType(output);
        if (opcode == Opcode.TryTable)
        {
            ReadCatchClauses(output);
        }

        PushLabel(label);
    }

    private void ReadBlockType(ByteWriter output)
    {
        if (at.IsOpen("type"u8))
        {
            output.Signed(ReadTypeUse(allowNames: false).Index);
            return;
        }

        Signature signature = ReadSignature(allowNames: false);
        if (signature.Parameters.Count > 0 || signature.Results.Count > 1)
        {
            output.Signed(ImplicitType(signature));
        }
        else if (signature.Results.Count == 1)
        {
            signature.Results[0].Write(output);
        }
        else
        {
            output.Byte(0x40);
        }
    }

    private void ReadCatchClauses(ByteWriter output)
    {
        var clauses = new ByteWriter();
        int count = 0;
        while (true)
        {
            byte kind;
            if (at.TryOpen("catch"u8))
            {
                kind = 0;
            }
            else if (at.TryOpen("catch_ref"u8))
            {
                kind = 1;
            }
            else if (at.TryOpen("catch_all"u8))
            {
                kind = 2;
            }
            else if (at.TryOpen("catch_all_ref"u8))
            {
                kind = 3;
            }
            else
            {
                break;
            }

            count++;
            clauses.Byte(kind);
            if (kind < 2)
            {
                clauses.Unsigned(tags.Resolve(at));
            }

            clauses.Unsigned(ResolveLabel());
            at.Close();
        }

        output.Unsigned(count);
        output.Bytes(clauses.Written);
    }

    private void PushLabel(string? name)
    {
        int hidden = -1;
        if (name is not null)
        {
            if (labelsByName.TryGetValue(name, out int outer))
            {
                hidden = outer;
            }

            labelsByName[name] = labels.Count;
            labelNames.Add((labelCount, name));
        }

        labelCount++;
        labels.Add((name, hidden));
    }

    private void PopLabel()
    {
        (string? name, int hidden) = labels[^1];
        labels.RemoveAt(labels.Count - 1);
        if (name is null)
        {
            return;
        }

        if (hidden < 0)
        {
            labelsByName.Remove(name);
        }
        else
        {
            labelsByName[name] = hidden;
        }
    }

    /// <summary>A label repeated after <c>else</c> or <c>end</c>.</summary>
    private void CheckLabel()
    {
        Token token = at.Current;
        if (at.TryIdentifier() is string name && name != labels[^1].Name)
        {
            at.Fail(token, labels[^1].Name is string open ? $"mismatching label ${name}, the block is ${open}" : $"mismatching label ${name}, the block has none");
        }
    }

    private int ResolveLabel()
    {
        if (!at.Is(TokenKind.Identifier))
        {
            return (int)Math.Min(at.Natural32(), int.MaxValue);
        }

        Token token = at.Current;
        string name = at.TryIdentifier()!;
        return labelsByName.TryGetValue(name, out int index) ? labels.Count - 1 - index : throw at.Source.Error(token, $"unknown label ${name}");
    }

    private void WriteOpcode(Opcode opcode) => WriteOpcode(code, opcode);

    private static void WriteOpcode(ByteWriter output, Opcode opcode)
    {
        (byte prefix, uint number) = InstructionTable.Encoding(opcode);
        if (prefix == 0)
        {
            output.Byte((byte)number);
        }
        else
        {
            output.Byte(prefix);
            output.Unsigned(number);
        }
    }

    /// <param name="Token">The token after which it started.</param>
    /// <param name="HasLabel">Whether its label is in scope, so that an <c>end</c> closes it.</param>
    /// <param name="PendingStart">Where its encoding waits.</param>
    private readonly record struct Frame(FrameKind Kind, int Token, bool HasLabel = false, int PendingStart = -1, int Hint = -1, string? Label = null);
}
