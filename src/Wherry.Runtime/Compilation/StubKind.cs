namespace Wherry.Compilation;

/// <summary>What a stub does; there is one for each signature.</summary>
internal enum StubKind : byte
{
    /// <summary>Finds the function that it is called for, then calls it: see <see cref="Execution.UnresolvedFunction"/>.</summary>
    Resolve,

    /// <summary>The same for callers that look for returned exceptions.</summary>
    ResolveForGuest,

    /// <summary>Calls a function that returns exceptions, and throws what it returned: see <see cref="Execution.ThrowingTarget"/>.</summary>
    Throw,

    /// <summary>Calls a function that is entered again, whatever its parameters were: see <see cref="Execution.Suspension.GuestSuspension"/>.</summary>
    Rewind,
}
