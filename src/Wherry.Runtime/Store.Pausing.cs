using Wherry.Execution;

namespace Wherry;

/// <content>Holding guests for a while, and letting them go on.</content>
public sealed unsafe partial class Store
{
    /// <summary>Whether its guests are to be held.</summary>
    internal bool IsPaused => SampleRequest?.Gate?.IsPaused == true;

    /// <summary>
    /// Holds the store's guests, threads that they have started among them, at their next loop, function or return from a host function, until <see cref="Resume"/>. From any thread; returns at once. An interruption goes
    /// before.
    /// </summary>
    /// <exception cref="InvalidOperationException">The engine's code does not look for it: <see cref="EngineOptions.Pausing"/>.</exception>
    internal void Pause() => Gate.Pause();

    /// <summary>Lets the store's guests go on.</summary>
    internal void Resume() => Gate.Resume();

    private PauseGate Gate => SampleRequest?.Gate ?? throw new InvalidOperationException("The store's engine does not compile for pausing.");
}
