namespace Wherry.Wasi.Scheduling;

/// <summary>What a scheduler tells of events of the handles that it watches for it.</summary>
internal interface IEventTarget
{
    /// <summary>Something has happened. Called on any thread of the scheduler, for a short time.</summary>
    /// <param name="tag">What the handle was registered with.</param>
    /// <param name="events">The system's description of what has happened.</param>
    void OnEvent(ulong tag, uint events);
}
