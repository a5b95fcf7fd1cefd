namespace Wherry.Compilation.Demand;

/// <summary>What of its operands an instruction needs.</summary>
internal enum DemandEffect : byte
{
    /// <summary>Reads or sets the local <see cref="DemandStep.Operand"/>.</summary>
    Get,
    Set,
    Tee,

    /// <summary>All of them, whatever becomes of its results.</summary>
    All,

    /// <summary>All of them if its result is needed.</summary>
    AllIfNeeded,

    /// <summary>The lowest bytes, as many as of its result are needed, but at most <see cref="DemandStep.Operand"/>.</summary>
    Low,

    /// <summary>Some bytes, maybe.</summary>
    Part,

    None,

    /// <summary>All of its address; as many bytes of the value as it stores: <see cref="DemandStep.Operand"/>.</summary>
    Store,

    /// <summary>All of its address; loads <see cref="DemandStep.Operand"/> bytes.</summary>
    Load,

    /// <summary>Its condition; of the others what is needed of its result.</summary>
    Select,

    /// <summary>Nobody knows, nor how many there are.</summary>
    Unknown,

    /// <summary>For these the operand is the block, with its parameters and results.</summary>
    BlockStart,
    LoopStart,
    IfStart,
    SkippedIfStart,
    Else,
    End,
    LoopEnd,

    /// <summary>For these it is the block that is branched to.</summary>
    Branch,
    BranchIf,

    /// <summary>The operand is the first of a list of blocks.</summary>
    BranchTable,

    /// <summary>Nothing goes on behind it; its operands are all needed.</summary>
    Leave,
}

/// <summary>An instruction, as far as demand is concerned.</summary>
/// <param name="Pops">How many operands it has.</param>
/// <param name="Pushes">How many results.</param>
/// <param name="Offset">Where it is in the module.</param>
internal readonly record struct DemandStep(DemandEffect Effect, int Operand, int Pops, int Pushes, int Offset);
