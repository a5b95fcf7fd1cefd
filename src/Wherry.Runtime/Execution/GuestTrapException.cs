namespace Wherry.Execution;

/// <summary>Thrown by compiled code and what it calls; the entry from .NET makes a <see cref="TrapException"/> of it.</summary>
internal sealed class GuestTrapException(TrapKind kind, string? detail = null, ulong? address = null) : Exception(detail ?? TrapMessages.Get(kind))
{
    public TrapKind Kind { get; } = kind;

    public ulong? Address { get; } = address;

    /// <summary>The offset in the module of the instruction that trapped, if compiled code told it; else -1.</summary>
    public int Place { get; init; } = -1;
}
