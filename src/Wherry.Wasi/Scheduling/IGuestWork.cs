namespace Wherry.Wasi.Scheduling;

/// <summary>Something to do for a guest, on a thread of a <see cref="GuestScheduler"/>.</summary>
internal interface IGuestWork
{
    /// <summary>Does it. Nothing may be thrown.</summary>
    void Execute();
}
