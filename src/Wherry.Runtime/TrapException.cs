using System.Collections.Immutable;

namespace Wherry;

/// <summary>A guest was stopped by a trap (specification, 4.2.1), an interruption or a limit. Its call has ended; the host goes on.</summary>
public sealed class TrapException : Exception
{
    internal TrapException(TrapKind kind, string reason, string message, ImmutableArray<GuestStackFrame> frames, ulong? address, Exception? innerException)
        : base(message, innerException)
    {
        Kind = kind;
        Reason = reason;
        GuestStack = frames;
        Address = address;
    }

    /// <summary>Why.</summary>
    public TrapKind Kind { get; }

    /// <summary>Why, in the specification's words, such as <c>out of bounds memory access</c>.</summary>
    public string Reason { get; }

    /// <summary>The guest's calls, innermost first.</summary>
    public ImmutableArray<GuestStackFrame> GuestStack { get; }

    /// <summary>The guest's address that was accessed, where the trap has one and it is known.</summary>
    public ulong? Address { get; }
}
