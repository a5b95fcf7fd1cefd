namespace Wherry.Compilation.Outlining;

/// <summary>Statements of a block, one after the other, that could become a method.</summary>
internal sealed class OutlineCandidate
{
    // What is taken out stays below the JIT's limits.
    private const double MaximumShare = 0.6;

    // A call costs more than what is smaller would gain.
    private const int MinimumInstructions = 40;

    private readonly StatementBlock _block;
    private readonly int _first;
    private readonly int _count;

    private OutlineCandidate(StatementBlock block, int first, int count, CodeSize size)
    {
        _block = block;
        _first = first;
        _count = count;
        Size = size;
    }

    /// <summary>The offset in the module of its first instruction.</summary>
    public int Start => First.Start;

    /// <summary>Where its last instruction ends.</summary>
    public int End => Last.End;

    /// <summary>How many blocks of the function start before it.</summary>
    public int FirstBlock => First.FirstBlock;

    public int BlockCount => Last.FirstBlock + Last.BlockCount - First.FirstBlock;

    /// <summary>Whether code goes on behind it.</summary>
    public bool FallsThrough => Last.FallsThrough;

    public CodeSize Size { get; }

    /// <summary>The lower the better: what is in few loops, then what is large.</summary>
    public (int LoopDepth, int Size) Priority => (_block.LoopDepth, -Size.Bytes);

    private Statement First => _block.Statements[_first];

    private Statement Last => _block.Statements[_first + _count - 1];

    /// <summary>Those that are as large as may be.</summary>
    public static List<OutlineCandidate> Find(StatementBlock block)
    {
        var candidates = new List<OutlineCandidate>();
        var open = new Stack<StatementBlock>([block]);
        while (open.TryPop(out StatementBlock? next))
        {
            FindDirectly(next, candidates, open);
        }

        return candidates;
    }

    /// <summary>Those and all their parts.</summary>
    public static OutlineCandidate[] FindAll(StatementBlock block)
    {
        List<OutlineCandidate> all = Find(block);
        for (int i = 0; i < all.Count; i++)
        {
            all.AddRange(all[i].Parts());
        }

        return [.. all];
    }

    /// <summary>What it can be divided into.</summary>
    public List<OutlineCandidate> Parts()
    {
        if (_count == 1)
        {
            return [.. First.Blocks.SelectMany(Find)];
        }

        var parts = new List<OutlineCandidate>();
        for (int i = _first; i < _first + _count; i++)
        {
            Add(parts, _block, i, 1, _block.Statements[i].Size);
        }

        return parts;
    }

    /// <summary>The stretches of a block's statements that fit into a method; blocks in what is larger remain open.</summary>
    private static void FindDirectly(StatementBlock block, List<OutlineCandidate> candidates, Stack<StatementBlock> open)
    {
        int first = 0;
        CodeSize size = default;
        for (int i = 0; i < block.Statements.Count; i++)
        {
            Statement statement = block.Statements[i];
            bool isPart = statement.EndsEmpty && statement.Size.Share <= MaximumShare;
            if (!isPart || (size + statement.Size).Share > MaximumShare)
            {
                Add(candidates, block, first, i - first, size);
                first = isPart ? i : i + 1;
                size = default;
            }

            if (isPart)
            {
                size += statement.Size;
            }
            else
            {
                statement.Blocks.ForEach(open.Push);
            }
        }

        Add(candidates, block, first, block.Statements.Count - first, size);
    }

    private static void Add(List<OutlineCandidate> candidates, StatementBlock block, int first, int count, CodeSize size)
    {
        if (size.Instructions >= MinimumInstructions)
        {
            candidates.Add(new OutlineCandidate(block, first, count, size));
        }
    }
}
