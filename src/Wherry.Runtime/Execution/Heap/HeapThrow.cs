using System.Diagnostics.CodeAnalysis;

namespace Wherry.Execution.Heap;

/// <summary>The traps of reference instructions, with the specification's words. Kept out of the callers, so that those stay small.</summary>
internal static class HeapThrow
{
    [DoesNotReturn]
    public static void NullStruct() => throw new GuestTrapException(TrapKind.NullReference, "null structure reference");

    [DoesNotReturn]
    public static void NullArray() => throw new GuestTrapException(TrapKind.NullReference, "null array reference");

    [DoesNotReturn]
    public static void NullI31() => throw new GuestTrapException(TrapKind.NullReference, "null i31 reference");

    [DoesNotReturn]
    public static void NullReference() => throw new GuestTrapException(TrapKind.NullReference, "null reference");

    [DoesNotReturn]
    public static void CastFailure() => throw new GuestTrapException(TrapKind.CastFailure, "cast failure");

    [DoesNotReturn]
    public static void ArrayOutOfBounds() => throw new GuestTrapException(TrapKind.ArrayOutOfBounds);

    [DoesNotReturn]
    public static void MemoryOutOfBounds() => throw new GuestTrapException(TrapKind.MemoryOutOfBounds);

    [DoesNotReturn]
    public static void TableOutOfBounds() => throw new GuestTrapException(TrapKind.TableOutOfBounds);

    [DoesNotReturn]
    public static void HeapExhausted(long limit) =>
        throw new GuestTrapException(TrapKind.OutOfResources, $"out of memory: the guest's objects would take more than its limit of {limit:N0} bytes");
}
