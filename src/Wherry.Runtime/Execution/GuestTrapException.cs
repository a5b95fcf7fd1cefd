namespace Wherry.Execution;

/// <summary>Thrown by compiled code and what it calls; the entry from .NET makes a <see cref="TrapException"/> of it.</summary>
internal sealed class GuestTrapException(TrapKind kind, string? detail = null, ulong? address = null) : Exception(detail ?? TrapMessages.Get(kind))
{
    public TrapKind Kind { get; } = kind;

    public ulong? Address { get; } = address;
}
