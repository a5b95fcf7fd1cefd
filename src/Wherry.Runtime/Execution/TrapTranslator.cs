using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Wherry.Diagnostics;
using Wherry.Execution.Memories;

namespace Wherry.Execution;

/// <summary>Makes traps of the CLR's exceptions, where a guest's call ends in one.</summary>
internal static unsafe class TrapTranslator
{
    private const int ShownFrames = 32;

    /// <summary>
    /// The trap that the exception stands for, or null if it is not the guest's: then it passes unchanged. If another thread of the guest ended it, what happened there. Called while the guest's stack is still there;
    /// <see cref="Complete"/> must follow when it is not.
    /// </summary>
    public static Exception? Translate(Store store, Exception exception)
    {
        if (exception is GuestTrapException { Kind: TrapKind.StackExhausted } && !store.IsInterrupted)
        {
            return exception;
        }

        TrapException? trap = TranslateTrap(store, exception);
        return trap?.Kind == TrapKind.Interrupted ? FromCause(store) ?? trap : trap;
    }

    /// <summary>
    /// What <see cref="Translate(Store, Exception)"/> returned, as it is thrown. What a stack of a hundred thousand frames is told by takes megabytes, so that garbage is collected meanwhile: looking through that stack then would stop all guests for a tenth of
    /// a second.
    /// </summary>
    public static Exception Complete(Exception translated) => translated is GuestTrapException trap ? Create(trap.Kind, trap) : translated;

    /// <summary>What another thread of the guest ended with, as an exception for this thread; null if it was nothing of that kind.</summary>
    public static Exception? FromCause(Store store) => store.InterruptionCause switch
    {
        null => null,
        GuestExitException exit => new GuestExitException(exit.ExitCode),
        TrapException trap => new TrapException(trap.Kind, trap.Reason, trap.Message, trap.GuestStack, trap.Address, trap),
        Exception other => other,
    };

    private static TrapException? TranslateTrap(Store store, Exception exception)
    {
        switch (exception)
        {
            case TrapException or GuestExitException:
                return null;
            case GuestTrapException trap:
                return Translate(store, trap);
            case OperationCanceledException when store.IsInterrupted:
                return Create(store.InterruptionKind, null, null, new StackTrace(exception, fNeedFileInfo: false), exception);
            case NullReferenceException or IndexOutOfRangeException or ArithmeticException or InvalidCastException or OutOfMemoryException:
                break;
            default:
                return null;
        }

        // Taken in any case, so that no later exception finds it.
        bool hasAddress = FaultHandler.TryTakeFault(out nint address, out MachineAccess access) && exception is NullReferenceException;
        var trace = new StackTrace(exception, fNeedFileInfo: false);
        if (!GuestStackWalker.IsThrownByGuest(trace))
        {
            return null;
        }

        // Where two threads shared a note, there is no address, or even one of the other's: an interruption is known by the store's state too.
        if (exception is NullReferenceException && store.IsInterrupted && (!hasAddress || MemoryArena.IsSafepointPage(address)))
        {
            return Create(store.InterruptionKind, null, null, trace, exception);
        }

        return exception switch
        {
            NullReferenceException when hasAddress => Create(TrapKind.MemoryOutOfBounds, null, store.FindAddress(address), trace, exception, access: access),
            NullReferenceException => Create(TrapKind.MemoryOutOfBounds, null, null, trace, exception),
            IndexOutOfRangeException => Create(TrapKind.UndefinedElement, null, null, trace, exception),
            DivideByZeroException => Create(TrapKind.IntegerDivideByZero, null, null, trace, exception),
            ArithmeticException => Create(TrapKind.IntegerOverflow, null, null, trace, exception),
            InvalidCastException => Create(TrapKind.CastFailure, null, null, trace, exception),
            _ => Create(TrapKind.OutOfResources, "the host is out of memory", null, trace, exception),
        };
    }

    /// <summary>A trap outside of any guest frame.</summary>
    public static TrapException Create(TrapKind kind, string? detail = null) => Create(kind, detail, null, null, null);

    private static TrapException Translate(Store store, GuestTrapException trap)
    {
        // The limit of the stack is also what interrupts calls.
        TrapKind kind = (trap.Kind is TrapKind.StackExhausted or TrapKind.Interrupted) && store.IsInterrupted ? store.InterruptionKind : trap.Kind;
        return Create(kind, trap);
    }

    private static TrapException Create(TrapKind kind, GuestTrapException trap) =>
        Create(kind, kind == trap.Kind ? trap.Message : null, trap.Address, new StackTrace(trap, fNeedFileInfo: false), trap.InnerException, trap.Place);

    private static TrapException Create(TrapKind kind, string? detail, ulong? address, StackTrace? trace, Exception? innerException, int place = -1, MachineAccess? access = null)
    {
        string reason = TrapMessages.Get(kind);
        GuestLocation? innermost = null;
        ImmutableArray<GuestStackFrame> frames = trace is null ? [] : GuestStackWalker.Walk(trace, place >= 0 ? new KnownPlace(place) : new TrapSearch(kind, access), out innermost);
        string what = detail is null || detail == reason ? reason
            : kind is TrapKind.NullReference or TrapKind.CastFailure || detail.StartsWith(reason, StringComparison.Ordinal) ? detail : $"{reason}: {detail}";
        var message = new StringBuilder("wasm trap: ").Append(what);
        if (address is ulong accessed)
        {
            _ = message.Append(CultureInfo.InvariantCulture, $" at address 0x{accessed:x}");
            if (kind == TrapKind.MemoryOutOfBounds && innermost is GuestLocation location && GuestStackWalker.FindAccessSize(location) is int size)
            {
                _ = message.Append(CultureInfo.InvariantCulture, $" ({size} {(size == 1 ? "byte" : "bytes")})");
            }
        }

        for (int i = 0; i < Math.Min(frames.Length, ShownFrames); i++)
        {
            _ = message.Append("\n  at ").Append(frames[i]);
        }

        if (frames.Length > ShownFrames)
        {
            _ = message.Append("\n  …");
        }

        return new TrapException(kind, what, message.ToString(), frames, address, innerException);
    }
}
