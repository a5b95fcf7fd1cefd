namespace Wherry.Compilation;

/// <summary>Which functions are compiled in haste first, and again when they run often. The runtime does so only with code that can't be unloaded.</summary>
internal enum Haste
{
    /// <summary>None: all are compiled once, and well.</summary>
    None,

    /// <summary>Those of modules that start with much that runs once: see <see cref="HastyFunctions"/>.</summary>
    Resumable,

    /// <summary>All: for tests.</summary>
    All,
}
