using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Wherry.Execution;

/// <summary>
/// What a store keeps for the thread that has called it several times in a row: while it stands, that thread enters and leaves the store without atomic instructions, and without asking what else is
/// to be looked at. Whoever wants something else of the store, be it another thread's call, an interruption or the end, revokes it first.
/// </summary>
/// <remarks>
/// The thread writes that it is inside and then looks whether the bias still stands. Who revokes it writes that first, has all processors finish what they have begun, and then reads whether the thread is inside. So
/// one of the two sees the other, and only who revokes pays for it. Once revoked it never stands again, so that a thread that was held up between its two steps harms nobody.
/// <para>
/// On Linux the thread is known by an address on its stack, and by the cell that changes when it ends (<see cref="ThreadStack"/>); elsewhere by its number. To revoke the bias is to have it look at a cell that has changed:
/// so one look tells both that it stands and that the thread lives. A thread whose stack lies where that of a thread lay which has ended writes that it is inside, sees that, and takes it back, as one whose bias was revoked.
/// </para>
/// </remarks>
internal sealed unsafe class EntryBias
{
    private const int Revoked = -1;

    // The cell of no thread, as that of one that has ended. Never given back.
    private static readonly nint s_endedCell = CreateEndedCell();

    private readonly nint _start;
    private readonly nuint _size;

    // The address of an int that is zero while the bias stands.
    private nint _cell = s_endedCell;

    // The number of the thread, until it is revoked.
    private int _standing;
    private int _inside;
    private int _calls;

    // Keeps the cell.
    private readonly ThreadStack? _stack;

    private EntryBias(int thread)
    {
        Thread = thread;
        _standing = thread;
    }

    private EntryBias(int thread, ThreadStack stack)
        : this(thread)
    {
        _stack = stack;
        _start = stack.Start;
        _size = stack.Size;
        _cell = stack.Cell;
    }

    /// <summary>In place of null.</summary>
    public static EntryBias None { get; } = new(Revoked);

    /// <summary>The number of its thread.</summary>
    public int Thread { get; }

    public bool IsStanding => Volatile.Read(ref _standing) != Revoked;

    /// <summary>Whether its thread has entered by it. Exact for the thread itself, and for others once it was revoked; but a call that is about to be refused counts too.</summary>
    public bool IsInside => Volatile.Read(ref _inside) != 0;

    /// <summary>How many outermost calls have ended.</summary>
    public int Calls => Volatile.Read(ref _calls);

    /// <summary>What the watchdog saw last.</summary>
    public WatchedCall Watched { get; set; }

    /// <param name="thread">The number of the current thread, for which it is.</param>
    /// <returns>Null if there can be none.</returns>
    public static EntryBias? TryCreate(int thread) => !OperatingSystem.IsLinux() ? new EntryBias(thread) : ThreadStack.Current is { } stack && stack.HoldsCurrent ? new EntryBias(thread, stack) : null;

    /// <param name="entered">How it was entered.</param>
    /// <returns>Whether it was. Then an exit must follow.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining), SkipLocalsInit]
    public bool TryEnter(out Entered entered)
    {
        entered = Entered.Unbiased;
        if (!IsOfCurrentThread())
        {
            return false;
        }

        int inside = _inside;
        Volatile.Write(ref _inside, 1);
        if (!Stands())
        {
            TakeBack(inside);
            return false;
        }

        entered = (Entered)inside;
        return true;
    }

    /// <summary>The end of a call that is <see cref="Entered.Outermost"/>.</summary>
    /// <returns>Whether that was all. If not, it was revoked meanwhile.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool ExitOutermost()
    {
        // A constant: were a count of depth lowered, or what was found put back, each call would wait for what the one before it wrote.
        _calls++;
        Volatile.Write(ref _inside, 0);
        return Stands();
    }

    /// <summary>From now on its thread is refused, and looks up when it leaves. Under the store's lock.</summary>
    public void Revoke(int caller)
    {
        Volatile.Write(ref _standing, Revoked);
        Volatile.Write(ref _cell, s_endedCell);
        if (caller != Thread)
        {
            Interlocked.MemoryBarrierProcessWide();
        }
    }

    // A thread that has ended is not inside. Two whose stacks lie where its stack lay may both be here: what one of them found may be what the other one wrote. The thread's own cell is asked, since one that is inside
    // may be refused too, where the bias was revoked meanwhile.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void TakeBack(int inside)
    {
        // Sound: the stack keeps its cell.
        Volatile.Write(ref _inside, _stack is not null && Volatile.Read(ref *(int*)_stack.Cell) != 0 ? 0 : inside);
    }

    private static nint CreateEndedCell()
    {
        var cell = (int*)NativeMemory.Alloc(sizeof(int));
        *cell = 1;
        return (nint)cell;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining), SkipLocalsInit]
    private bool IsOfCurrentThread()
    {
        if (!OperatingSystem.IsLinux())
        {
            return _standing == ThreadNumber.CurrentOrZero;
        }

        byte local;
        return (nuint)((nint)(&local) - _start) < _size;
    }

    // Sound: the cell of a thread's stack is kept by that, and the other one stays.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Stands() => OperatingSystem.IsLinux() ? Volatile.Read(ref *(int*)Volatile.Read(ref _cell)) == 0 : Volatile.Read(ref _standing) != Revoked;
}
