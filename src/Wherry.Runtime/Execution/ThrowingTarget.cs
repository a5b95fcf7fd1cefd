namespace Wherry.Execution;

/// <summary>The target of a guest function whose code returns exceptions, where the caller expects them to be thrown: called by a stub, which throws.</summary>
internal sealed class ThrowingTarget(GuestInstance instance, nint code)
{
    public readonly GuestInstance Instance = instance;

    public readonly nint Code = code;
}
