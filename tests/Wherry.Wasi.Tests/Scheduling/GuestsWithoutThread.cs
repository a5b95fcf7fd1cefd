using Wherry.Wasi.Scheduling;

namespace Wherry.Wasi.Tests;

/// <summary>Whether a test's guests are such as have no thread of their own.</summary>
internal static class GuestsWithoutThread
{
    private static readonly AsyncLocal<GuestScheduler?> Current = new();

    /// <summary>Where the waits of the test's guests are made; null if they block.</summary>
    public static GuestScheduler? Scheduler
    {
        get => Current.Value;
        set => Current.Value = value;
    }
}
