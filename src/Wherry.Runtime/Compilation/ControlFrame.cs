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

    /// <summary>The else branch of an <c>if</c>, until it was met.</summary>
    public int ElseLabel { get; set; } = -1;

    /// <summary>The emitter's locals that a branch leaves values in: the parameters of a loop, the results of anything else.</summary>
    public int[] Carried { get; set; } = [];

    /// <summary>The operands of an <c>if</c>, for its else branch.</summary>
    public StackEntry[] Operands { get; set; } = [];

    /// <summary>The types that a branch to it carries.</summary>
    public WasmValueKind[] CarriedKinds => Opcode == Opcode.Loop ? Parameters : Results;
}
