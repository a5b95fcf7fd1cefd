using Wherry.Instructions;

namespace Wherry.Compilation;

/// <summary>An open block while a function is emitted.</summary>
internal sealed class ControlFrame
{
    public required Opcode Opcode { get; init; }

    public required WasmValueKind[] Parameters { get; init; }

    public required WasmValueKind[] Results { get; init; }

    /// <summary>How many operands lie under its parameters.</summary>
    public required int Height { get; init; }

    /// <summary>Operands below this index can't be on the IL stack: they were put into locals before a branch could part them.</summary>
    public required int Region { get; init; }

    /// <summary>Whether anything branches to it.</summary>
    public required bool IsTargeted { get; init; }

    /// <summary>Where a branch to it goes: the start of a loop, the end of anything else. -1 if nothing does.</summary>
    public int Label { get; set; } = -1;

    /// <summary>Where the earlier copies of an unrolled loop's body go on behind the loop, if one does.</summary>
    public ControlFrame? Exit { get; set; }

    /// <summary>Whether it is one copy of an unrolled loop's body, so that branches to the loop go forward, to the next copy.</summary>
    public bool IsCopy { get; init; }

    /// <summary>The else branch of an <c>if</c>, until it was met.</summary>
    public int ElseLabel { get; set; } = -1;

    /// <summary>The emitter's locals that a branch leaves values in: the parameters of a loop, the results of anything else.</summary>
    public int[] Carried { get; set; } = [];

    /// <summary>The operands of an <c>if</c>, for its else branch.</summary>
    public StackEntry[] Operands { get; set; } = [];

    /// <summary>Where a loop goes on by the value of <see cref="DispatchLocal"/>, if that is all that its head does; the default last.</summary>
    public ControlFrame[]? Dispatch { get; set; }

    public int DispatchLocal { get; set; }

    /// <summary>Where the first instruction of such a loop starts.</summary>
    public int BodyPosition { get; set; }

    /// <summary>The code at the start of a loop that ends in a <c>br_table</c>, if it starts so.</summary>
    public DispatchHead? Head { get; set; }

    /// <summary>How many blocks started before that code.</summary>
    public int FirstBlock { get; set; }

    /// <summary>The blocks that are open at that <c>br_table</c>, without those around the loop, once it was met.</summary>
    public ControlFrame[]? HeadFrames { get; set; }

    /// <summary>Whether its end was met, so that branches to a block's label go backward.</summary>
    public bool IsEnded { get; set; }

    /// <summary>While instructions are counted: what is owed at its label; null as long as nothing has led there.</summary>
    public int? Owed { get; set; }

    /// <summary>Whether the meter has the count on all ways to its label.</summary>
    public bool IsFuelWritten { get; set; } = true;

    /// <summary>The same where the else branch of an <c>if</c> starts.</summary>
    public (int Owed, bool IsFuelWritten) AtElse { get; set; }

    /// <summary>How many protected regions its label is in.</summary>
    public int TryDepth { get; init; }

    /// <summary>Whether its body is protected by handlers.</summary>
    public bool IsProtected { get; set; }

    /// <summary>Whether its body is a protected region of the CLR: without one, exceptions come to it only as returned ones.</summary>
    public bool IsRegion { get; set; }

    /// <summary>Whether the protected region has ended: what follows is the code of handlers.</summary>
    public bool HandlersReached { get; set; }

    /// <summary>The handlers, in their order.</summary>
    public CatchClause[] Clauses { get; set; } = [];

    public int[] ClauseLabels { get; set; } = [];

    /// <summary>How many of a legacy <c>try</c>'s handlers were met.</summary>
    public int ClausesReached { get; set; }

    /// <summary>Whether the end of a legacy <c>try</c> can be reached.</summary>
    public bool IsEndReached { get; set; }

    /// <summary>The emitter's local with the exception that was caught.</summary>
    public int Exception { get; set; } = -1;

    /// <summary>The emitter's local with the number of the handler that catches it.</summary>
    public int Clause { get; set; } = -1;

    /// <summary>Where calls in the protected region go with a returned exception, at its end; -1 if none does.</summary>
    public int PendingLabel { get; set; } = -1;

    /// <summary>Writes code at the end of the protected region that throws again what inner handlers must not see.</summary>
    public List<Action> RethrowPads { get; } = [];

    /// <summary>The types that a branch to it carries.</summary>
    public WasmValueKind[] CarriedKinds => Opcode == Opcode.Loop ? Parameters : Results;
}
