using System.Globalization;

namespace Wherry.Execution;

/// <summary>What compiled code throws.</summary>
internal static class Traps
{
    public static Exception Unreachable() => new GuestTrapException(TrapKind.Unreachable);

    public static Exception MemoryOutOfBounds() => new GuestTrapException(TrapKind.MemoryOutOfBounds);

    public static Exception TableOutOfBounds() => new GuestTrapException(TrapKind.TableOutOfBounds);

    public static Exception NullFunction() => new GuestTrapException(TrapKind.NullReference, "null function reference");

    public static Exception NullReference() => new GuestTrapException(TrapKind.NullReference);

    public static Exception IntegerOverflow() => new GuestTrapException(TrapKind.IntegerOverflow);

    public static Exception InvalidConversion() => new GuestTrapException(TrapKind.InvalidConversionToInteger);

    /// <summary>The stack is used up, or the guest was interrupted: that raises the limit beyond all addresses.</summary>
    public static Exception StackLimitReached(GuestInstance instance)
    {
        if (instance.Meter is { } meter)
        {
            // The caller may have left a note.
            meter.Unexecuted = 0;
        }

        return new GuestTrapException(CallInstructions.IsInterrupted(instance) ? TrapKind.Interrupted : TrapKind.StackExhausted);
    }

    /// <summary>A look at the meter said that the guest must stop. The count is written before.</summary>
    public static Exception MeterStops(GuestInstance instance) =>
        new GuestTrapException(CallInstructions.IsInterrupted(instance) ? TrapKind.Interrupted : TrapKind.OutOfFuel);

    /// <summary>The function does not fit into what the host can compile.</summary>
    public static Exception FunctionTooLarge(int function, string reason) =>
        new GuestTrapException(TrapKind.OutOfResources, string.Create(CultureInfo.InvariantCulture, $"function {function} is too large: {reason}"));
}
