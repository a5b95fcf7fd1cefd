using System.Runtime.CompilerServices;

namespace Wherry.Execution;

/// <summary>
/// What a store keeps for the thread that has called it several times in a row: while it stands, that thread enters and leaves the store without atomic instructions, and without asking what else is
/// to be looked at. Whoever wants something else of the store, be it another thread's call, an interruption or the end, revokes it first.
/// </summary>
/// <remarks>
/// The thread writes the depth and then looks whether the bias still stands. Who revokes it writes that first, has all processors finish what they have begun, and then reads the depth. So one of
/// the two sees the other, and only who revokes pays for it. Once revoked it never stands again, so that a thread that was held up between its two steps harms nobody.
/// </remarks>
internal sealed class EntryBias(int thread)
{
    private const int Revoked = -1;

    private int _standing = thread;
    private int _depth;
    private int _calls;

    /// <summary>In place of null.</summary>
    public static EntryBias None { get; } = new(Revoked);

    /// <summary>The number of its thread.</summary>
    public int Thread { get; } = thread;

    public bool IsStanding => Volatile.Read(ref _standing) != Revoked;

    /// <summary>Whether its thread has entered by it. Exact for the thread itself, and for others once it was revoked; but a call that is about to be refused counts too.</summary>
    public bool IsInside => Volatile.Read(ref _depth) > 0;

    /// <summary>How many outermost calls have ended.</summary>
    public int Calls => Volatile.Read(ref _calls);

    /// <summary>What the watchdog saw last.</summary>
    public WatchedCall Watched { get; set; }

    /// <param name="thread">The current thread's number, or 0 if it has none yet.</param>
    /// <returns>Whether it may go on. If so, <see cref="Exit"/> must follow.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryEnter(int thread)
    {
        if (_standing != thread)
        {
            return false;
        }

        Volatile.Write(ref _depth, _depth + 1);
        return Volatile.Read(ref _standing) == thread || Undo();
    }

    /// <returns>Whether that was all. If not, it was revoked meanwhile.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Exit()
    {
        int depth = _depth - 1;
        if (depth == 0)
        {
            _calls++;
        }

        Volatile.Write(ref _depth, depth);
        return Volatile.Read(ref _standing) != Revoked;
    }

    /// <summary>From now on its thread is refused, and looks up when it leaves. Under the store's lock.</summary>
    public void Revoke(int caller)
    {
        Volatile.Write(ref _standing, Revoked);
        if (caller != Thread)
        {
            Interlocked.MemoryBarrierProcessWide();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Undo()
    {
        Volatile.Write(ref _depth, _depth - 1);
        return false;
    }
}
