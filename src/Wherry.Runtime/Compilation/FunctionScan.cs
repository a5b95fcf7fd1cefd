using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <summary>
/// What must be known of a function before its first instruction is emitted: what the prologue prepares, and which labels are used, since
/// a block that nothing branches to costs nothing.
/// </summary>
internal sealed class FunctionScan
{
    private readonly List<bool> _targeted = [];
    private readonly Dictionary<int, List<CatchClause>> _legacyClauses = [];

    private FunctionScan(int localCount, int memoryCount)
    {
        UsedLocals = new bool[localCount];
        ReadLocals = new bool[localCount];
        UsedMemories = new bool[memoryCount];
    }

    /// <summary>Whether it calls functions, so that recursion may pass through it.</summary>
    public bool HasCalls { get; private set; }

    public bool HasLoops { get; private set; }

    /// <summary>Whether it has no branches and ends in an exception: crossgen2 leaves methods to the JIT that only throw.</summary>
    public bool OnlyThrows { get; private set; }

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

    public static FunctionScan Scan(ModuleDefinition definition, FunctionBody body, int localCount)
    {
        var scan = new FunctionScan(localCount, definition.Memories.Length);
        scan.Run(definition.Bytes.Span, body);
        return scan;
    }

    private void Run(ReadOnlySpan<byte> bytes, FunctionBody body)
    {
        var open = new List<(int Block, bool IsLoop)> { (-1, false) };
        bool throws = false;
        var reader = new InstructionReader(bytes, body.CodeOffset, body.End);
        while (reader.Next())
        {
            switch (reader.Opcode)
            {
                case Opcode.Block:
                case Opcode.Loop:
                case Opcode.If:
                case Opcode.Try:
                    open.Add((_targeted.Count, reader.Opcode == Opcode.Loop));
                    _targeted.Add(false);
                    break;
                case Opcode.TryTable:
                    foreach (CatchClause clause in reader.CatchClauses)
                    {
                        Target(open, clause.Label);
                    }

                    open.Add((_targeted.Count, false));
                    _targeted.Add(false);
                    break;
                case Opcode.Catch:
                    AddLegacyClause(open[^1].Block, new CatchClause(CatchKind.Catch, reader.Index, 0));
                    break;
                case Opcode.CatchAll:
                    AddLegacyClause(open[^1].Block, new CatchClause(CatchKind.CatchAll, 0, 0));
                    break;
                case Opcode.End:
                    open.RemoveAt(open.Count - 1);
                    break;
                case Opcode.Delegate:
                    AddLegacyClause(open[^1].Block, new CatchClause(CatchKind.CatchAll, 0, 0));
                    open.RemoveAt(open.Count - 1);
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
                    foreach (int label in reader.Labels)
                    {
                        Target(open, label);
                    }

                    break;
                case Opcode.Call:
                case Opcode.CallIndirect:
                case Opcode.CallRef:
                case Opcode.ReturnCall:
                case Opcode.ReturnCallIndirect:
                case Opcode.ReturnCallRef:
                    HasCalls = true;
                    break;
                case Opcode.Unreachable:
                case Opcode.Throw:
                case Opcode.ThrowRef:
                    throws = true;
                    break;
                case Opcode.LocalGet:
                    ReadLocals[reader.Index] = true;
                    UsedLocals[reader.Index] = true;
                    break;
                case Opcode.LocalSet:
                case Opcode.LocalTee:
                    UsedLocals[reader.Index] = true;
                    break;
                default:
                    if (reader.Instruction.AccessLog2 >= 0)
                    {
                        UsedMemories[reader.Memory] = true;
                    }

                    break;
            }
        }

        OnlyThrows = throws && _targeted.Count == 0;
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

    private void Target(List<(int Block, bool IsLoop)> open, int label)
    {
        (int block, bool isLoop) = open[open.Count - 1 - label];
        HasLoops |= isLoop;
        if (block >= 0)
        {
            _targeted[block] = true;
        }
    }
}
