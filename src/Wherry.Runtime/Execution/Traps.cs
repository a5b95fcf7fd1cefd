using System.Globalization;
using Wherry.Instructions;

namespace Wherry.Execution;

/// <summary>What compiled code throws, most with the place of the instruction: its offset in the module.</summary>
internal static class Traps
{
    public static Exception Unreachable(int place) => new GuestTrapException(TrapKind.Unreachable) { Place = place };

    /// <summary>A checked access failed.</summary>
    /// <param name="index">Its operand.</param>
    public static Exception MemoryOutOfBounds(ulong index, GuestInstance instance, int place)
    {
        ReadOnlySpan<byte> bytes = instance.Code.Definition.Bytes.Span;
        var reader = new InstructionReader(bytes, place, bytes.Length);
        return reader.Next() ? MemoryOutOfBounds(instance.Memories[reader.Memory], index, reader.MemoryOffset, place) : MemoryOutOfBounds(instance.Memories[0], index, 0, place);
    }

    /// <summary>An access leaves a memory. The address is that of the first byte outside.</summary>
    public static Exception MemoryOutOfBounds(Memory memory, ulong index, ulong offset = 0, int place = -1)
    {
        ulong start = index > ulong.MaxValue - offset ? ulong.MaxValue : index + offset;
        return new GuestTrapException(TrapKind.MemoryOutOfBounds, address: Math.Max(start, memory.Size)) { Place = place };
    }

    public static Exception TableOutOfBounds() => new GuestTrapException(TrapKind.TableOutOfBounds);

    public static Exception NullFunction(int place) => new GuestTrapException(TrapKind.NullReference, "null function reference") { Place = place };

    public static Exception NullReference(int place) => new GuestTrapException(TrapKind.NullReference) { Place = place };

    public static Exception UndefinedElement(int place) => new GuestTrapException(TrapKind.UndefinedElement) { Place = place };

    /// <summary>The stack is used up, or the guest was interrupted: that raises the limit beyond all addresses.</summary>
    public static Exception StackLimitReached(GuestInstance instance)
    {
        if (instance.Meter is { } meter)
        {
            // The caller may have left a note.
            meter.Owed = 0;
        }

        return new GuestTrapException(CallInstructions.IsInterrupted(instance) ? TrapKind.Interrupted : TrapKind.StackExhausted);
    }

    /// <summary>The frames of the guest's calls are larger than the budget: in a deterministic engine that, and not the native stack, bounds them.</summary>
    public static Exception FramesExhausted(GuestInstance instance)
    {
        if (instance.Meter is { } meter)
        {
            // The caller may have left a note.
            meter.Owed = 0;
        }

        return new GuestTrapException(TrapKind.StackExhausted);
    }

    /// <summary>A look at the meter said that the guest must stop. The count is written before.</summary>
    public static Exception MeterStops(GuestInstance instance, int place) =>
        new GuestTrapException(CallInstructions.IsInterrupted(instance) ? TrapKind.Interrupted : TrapKind.OutOfFuel) { Place = place };

    /// <summary>The function does not fit into what the host can compile.</summary>
    public static Exception FunctionTooLarge(int function, string reason) =>
        new GuestTrapException(TrapKind.OutOfResources, string.Create(CultureInfo.InvariantCulture, $"function {function} is too large: {reason}"));
}
