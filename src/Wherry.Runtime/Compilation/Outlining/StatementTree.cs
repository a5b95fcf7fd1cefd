using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation.Outlining;

/// <summary>A stretch of a block's own code that starts and ends without operands. Blocks within it are its parts.</summary>
internal sealed class Statement
{
    public required int Start { get; init; }

    public required CodeSize SizeBefore { get; init; }

    public required int FirstBlock { get; init; }

    public int End { get; set; }

    public CodeSize Size { get; set; }

    public int BlockCount { get; set; }

    /// <summary>Whether it leaves no operands, so that it can be taken out.</summary>
    public bool EndsEmpty { get; set; }

    /// <summary>Whether code goes on behind it.</summary>
    public bool FallsThrough { get; set; }

    public List<StatementBlock> Blocks { get; } = [];
}

/// <summary>A block with the statements directly in it.</summary>
/// <param name="depth">How many blocks are open in it, with the function itself.</param>
/// <param name="loopDepth">How many of them are loops.</param>
internal sealed class StatementBlock(int depth, int loopDepth)
{
    public int Depth { get; } = depth;

    public int LoopDepth { get; } = loopDepth;

    public List<Statement> Statements { get; } = [];

    /// <summary>The statements of a function, from what a trial run saw.</summary>
    public static StatementBlock Build(ModuleDefinition definition, List<EmissionPoint> points)
    {
        ReadOnlySpan<byte> bytes = definition.Bytes.Span;
        var root = new StatementBlock(1, 0);
        var open = new List<StatementBlock> { root };
        Statement? current = null;
        var enclosing = new List<Statement?>();
        bool entersLoop = false;
        foreach (EmissionPoint point in points)
        {
            while (open.Count > point.Depth)
            {
                open.RemoveAt(open.Count - 1);
                current = enclosing[^1];
                enclosing.RemoveAt(enclosing.Count - 1);
            }

            if (open.Count < point.Depth)
            {
                var block = new StatementBlock(point.Depth, open[^1].LoopDepth + (entersLoop ? 1 : 0));
                current?.Blocks.Add(block);
                open.Add(block);
                enclosing.Add(current);
                current = null;
            }

            var opcode = (Opcode)bytes[point.Offset];
            if (opcode is Opcode.End or Opcode.Else)
            {
                Close(current, point);
                current = null;
            }
            else if (point.IsEmpty && !point.IsUnreachable)
            {
                Close(current, point);
                current = new Statement { Start = point.Offset, SizeBefore = point.Size, FirstBlock = point.Block };
                open[^1].Statements.Add(current);
            }

            entersLoop = opcode == Opcode.Loop;
        }

        return root;
    }

    private static void Close(Statement? statement, EmissionPoint point)
    {
        if (statement is not null)
        {
            statement.End = point.Offset;
            statement.Size = point.Size - statement.SizeBefore;
            statement.BlockCount = point.Block - statement.FirstBlock;
            statement.FallsThrough = !point.IsUnreachable;
            statement.EndsEmpty = point.IsEmpty || point.IsUnreachable;
        }
    }
}
