namespace Wherry;

/// <summary>How a guest's memory accesses are kept inside its memory.</summary>
public enum BoundsChecks
{
    /// <summary>
    /// By inaccessible pages around the memory: no instruction is spent on checks. Where the system can't do it (other than Linux on x64), the
    /// engine falls back to <see cref="Explicit"/>.
    /// </summary>
    Guard,

    /// <summary>By a comparison before each access.</summary>
    Explicit,
}
