using System.Runtime.InteropServices;
using Wherry.Binary;
using Wherry.Compilation.Outlining;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <summary>
/// What must be known of a function before its first instruction is emitted: what the prologue prepares, and which labels are used, since
/// a block that nothing branches to costs nothing.
/// </summary>
internal sealed class FunctionScan
{
    private readonly List<bool> _targeted = [];
    private readonly List<bool> _isLoop = [];
    private int _openLoops;
    private readonly Dictionary<int, List<CatchClause>> _legacyClauses = [];
    private readonly Dictionary<int, SmallLoop> _smallLoops = [];

    // Deep in other loops, a loop's locals are given only if they are few: else all loops would have all of them.
    private const int MaximumLoopLocals = 2_000;
    private const int MaximumInnerLoopLocals = 64;
    private const int InnerLoopDepth = 8;

    // The locals that are set, in the order of the code, and those of them that each loop sets.
    private readonly List<int> _sets = [];
    private readonly List<int> _setsBefore = [];
    private readonly Dictionary<int, (int Start, int Count)> _loopSets = [];

    // The loop that was opened last, as long as nothing was met that takes long, and at what depth.
    private int _loop = -1;
    private int _loopDepth;
    private int _loopInstructions;
    private int _loopBranches;

    // The part of the function that is written, and what is left out of it.
    private int _start;
    private int _end = int.MaxValue;
    private OutlinedRegion[] _outlined = [];
    private int _nextOutlined;

    private FunctionScan(int localCount, int memoryCount)
    {
        UsedLocals = new bool[localCount];
        ReadLocals = new bool[localCount];
        UsedMemories = new bool[memoryCount];
    }

    /// <summary>Whether it calls functions other than in place of itself, so that recursion may pass through it.</summary>
    public bool HasCalls { get; private set; }

    /// <summary>Whether it calls functions in place of itself, so that a loop may pass through it, though none that takes stack.</summary>
    public bool HasTailCalls { get; private set; }

    public bool HasLoops { get; private set; }

    /// <summary>The functions that it calls by their index.</summary>
    public HashSet<int> Callees { get; } = [];

    /// <summary>The functions that it calls by their index in place of itself.</summary>
    public HashSet<int> TailCallees { get; } = [];

    /// <summary>Whether it has no branches and ends in an exception: crossgen2 leaves methods to the JIT that only throw.</summary>
    public bool OnlyThrows { get; private set; }

    public bool HasLoads { get; private set; }

    /// <summary>Whether a loop calls through the first table.</summary>
    public bool HasTableLoops { get; private set; }

    /// <summary>Whether a loop makes objects or stores references: each is a call, over which few registers last.</summary>
    public bool HasReferenceLoops { get; private set; }

    /// <summary>Whether it subtracts vectors of integers: RyuJIT then loses constants.</summary>
    public bool HasVectorSubtraction { get; private set; }

    /// <summary>Locals that occur at all.</summary>
    public bool[] UsedLocals { get; }

    /// <summary>Locals that are ever read.</summary>
    public bool[] ReadLocals { get; }

    /// <summary>Memories that it loads from or stores to.</summary>
    public bool[] UsedMemories { get; }

    /// <summary>The handlers of a legacy <c>try</c>, by the order in which blocks start.</summary>
    public CatchClause[] LegacyClauses(int block) => _legacyClauses.TryGetValue(block, out List<CatchClause>? clauses) ? [.. clauses] : [];

    /// <summary>Whether anything branches to a block, by the order in which blocks start.</summary>
    public bool IsTargeted(int block) => _targeted[block];

    /// <summary>The body of a loop, by the order in which blocks start, if no other loop is in it, nor a call.</summary>
    public bool TryGetSmallLoop(int block, out SmallLoop loop) => _smallLoops.TryGetValue(block, out loop);

    /// <summary>The locals that a loop sets, some more than once, by the order in which blocks start.</summary>
    /// <returns>Whether they are given: else it may be any.</returns>
    public bool TryGetLocalsOfLoop(int block, out ReadOnlySpan<int> locals)
    {
        locals = default;
        if (!_loopSets.TryGetValue(block, out (int Start, int Count) range))
        {
            return false;
        }

        locals = CollectionsMarshal.AsSpan(_sets).Slice(range.Start, range.Count);
        return true;
    }

    /// <param name="region">If given, the part of the function that is written.</param>
    /// <param name="outlined">What becomes methods of their own.</param>
    public static FunctionScan Scan(ModuleDefinition definition, FunctionBody body, int localCount, OutlinedRegion? region, OutlinedRegion[] outlined)
    {
        var scan = new FunctionScan(localCount, definition.Memories.Length) { _outlined = outlined };
        if (region is not null)
        {
            scan._start = region.Start;
            scan._end = region.End;
        }

        foreach (OutlinedRegion other in outlined)
        {
            scan.HasCalls = true;
            Array.ForEach(other.Inputs, scan.UseLocal);
            Array.ForEach(other.Outputs, local => scan.UsedLocals[local] = true);
        }

        scan.Run(definition, body);
        return scan;
    }

    /// <summary>Adds what another function needs, whose code will be written here too.</summary>
    public void Include(FunctionScan other)
    {
        HasLoops |= other.HasLoops;
        HasReferenceLoops |= other.HasReferenceLoops;
        HasVectorSubtraction |= other.HasVectorSubtraction;
        for (int i = 0; i < UsedMemories.Length; i++)
        {
            UsedMemories[i] |= other.UsedMemories[i];
        }
    }

    private void Run(ModuleDefinition definition, FunctionBody body)
    {
        var open = new List<int> { -1 };
        bool throws = false;
        var reader = new InstructionReader(definition.Bytes.Span, body.CodeOffset, body.End);
        while (reader.Next())
        {
            bool isWritten = IsWritten(reader.Offset);
            _loopInstructions++;
            _loopBranches += reader.Opcode is Opcode.Br or Opcode.BrIf or Opcode.If or Opcode.Return ? 1 : 0;
            switch (reader.Opcode)
            {
                case Opcode.Block:
                case Opcode.Loop:
                case Opcode.If:
                case Opcode.Try:
                    Open(open, isLoop: reader.Opcode == Opcode.Loop);
                    break;
                case Opcode.TryTable:
                    _loop = -1;
                    foreach (CatchClause clause in reader.CatchClauses)
                    {
                        Target(open, clause.Label);
                    }

                    Open(open, isLoop: false);
                    break;
                case Opcode.Catch:
                    AddLegacyClause(open[^1], new CatchClause(CatchKind.Catch, reader.Index, 0));
                    break;
                case Opcode.CatchAll:
                    AddLegacyClause(open[^1], new CatchClause(CatchKind.CatchAll, 0, 0));
                    break;
                case Opcode.End:
                    EndSmallLoop(open, reader.Offset);
                    Close(open);
                    break;
                case Opcode.Delegate:
                    AddLegacyClause(open[^1], new CatchClause(CatchKind.CatchAll, 0, 0));
                    Close(open);
                    break;
                case Opcode.Br:
                case Opcode.BrIf:
                case Opcode.BrOnNull:
                case Opcode.BrOnNonNull:
                case Opcode.BrOnCast:
                case Opcode.BrOnCastFail:
                case Opcode.BrOnCastDescEq:
                case Opcode.BrOnCastDescEqFail:
                    Target(open, reader.Index);
                    break;
                case Opcode.BrTable:
                    _loop = -1;
                    foreach (int label in reader.Labels)
                    {
                        Target(open, label);
                    }

                    break;
                case Opcode.Call:
                    _loop = -1;
                    HasCalls |= isWritten;
                    Callees.Add(reader.Index);
                    break;
                case Opcode.CallIndirect:
                case Opcode.CallRef:
                    HasTableLoops |= isWritten && reader.Opcode == Opcode.CallIndirect && reader.Index2 == 0 && _openLoops > 0;
                    _loop = -1;
                    HasCalls |= isWritten;
                    break;
                case Opcode.ReturnCall:
                    HasTailCalls |= isWritten;
                    TailCallees.Add(reader.Index);
                    break;
                case Opcode.ReturnCallIndirect:
                case Opcode.ReturnCallRef:
                    HasTailCalls |= isWritten;
                    break;
                case Opcode.Unreachable:
                case Opcode.Throw:
                case Opcode.ThrowRef:
                    throws = true;
                    break;
                case Opcode.I8x16Sub:
                case Opcode.I16x8Sub:
                case Opcode.I32x4Sub:
                case Opcode.I64x2Sub:
                    HasVectorSubtraction = true;
                    break;
                case Opcode.RefI31:
                case Opcode.StructNew:
                case Opcode.StructNewDefault:
                case Opcode.ArrayNew:
                case Opcode.ArrayNewDefault:
                case Opcode.ArrayNewFixed:
                case Opcode.StructSet when definition.Types[reader.Index].Fields[reader.Index2].Type.IsReference:
                case Opcode.ArraySet when definition.Types[reader.Index].Fields[0].Type.IsReference:
                    HasReferenceLoops |= isWritten && _openLoops > 0;
                    break;
                case Opcode.LocalGet:
                    ReadLocals[reader.Index] = true;
                    UsedLocals[reader.Index] |= isWritten;
                    break;
                case Opcode.LocalSet:
                case Opcode.LocalTee:
                    UsedLocals[reader.Index] |= isWritten;
                    if (_openLoops > 0)
                    {
                        _sets.Add(reader.Index);
                    }

                    break;
                default:
                    if (isWritten && reader.Instruction.AccessLog2 >= 0)
                    {
                        UsedMemories[reader.Memory] = true;
                        HasLoads |= reader.Instruction.Results.Length > 0;
                    }

                    break;
            }
        }

        OnlyThrows = throws && _targeted.Count == 0;
    }

    private bool IsWritten(int offset)
    {
        while (_nextOutlined < _outlined.Length && offset >= _outlined[_nextOutlined].End)
        {
            _nextOutlined++;
        }

        return offset >= _start && offset < _end && !(_nextOutlined < _outlined.Length && offset >= _outlined[_nextOutlined].Start);
    }

    private void UseLocal(int local)
    {
        UsedLocals[local] = true;
        ReadLocals[local] = true;
    }

    private void AddLegacyClause(int block, CatchClause clause)
    {
        if (!_legacyClauses.TryGetValue(block, out List<CatchClause>? clauses))
        {
            clauses = [];
            _legacyClauses.Add(block, clauses);
        }

        clauses.Add(clause);
    }

    private void EndSmallLoop(List<int> open, int offset)
    {
        if (_loop >= 0 && open.Count == _loopDepth)
        {
            _smallLoops.Add(_loop, new SmallLoop(offset, _loopInstructions, _loopBranches));
            _loop = -1;
        }
    }

    private void Open(List<int> open, bool isLoop)
    {
        open.Add(_targeted.Count);
        _targeted.Add(false);
        _isLoop.Add(isLoop);
        if (isLoop)
        {
            _openLoops++;
            _setsBefore.Add(_sets.Count);
            _loop = open[^1];
            _loopDepth = open.Count;
            _loopInstructions = 0;
            _loopBranches = 0;
        }
    }

    private void Close(List<int> open)
    {
        if (open[^1] >= 0 && _isLoop[open[^1]])
        {
            int start = _setsBefore[^1];
            int count = _sets.Count - start;
            if (count <= (_openLoops > InnerLoopDepth ? MaximumInnerLoopLocals : MaximumLoopLocals))
            {
                _loopSets.Add(open[^1], (start, count));
            }

            _setsBefore.RemoveAt(_setsBefore.Count - 1);
            _openLoops--;
        }

        open.RemoveAt(open.Count - 1);
    }

    private void Target(List<int> open, int label)
    {
        int block = open[open.Count - 1 - label];
        if (block >= 0)
        {
            HasLoops |= _isLoop[block];
            _targeted[block] = true;
        }
    }
}
