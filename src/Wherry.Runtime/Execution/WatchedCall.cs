namespace Wherry.Execution;

/// <summary>An outermost call as the watchdog has seen it.</summary>
/// <param name="IsInside">Whether there was one.</param>
/// <param name="Number">How many had ended before.</param>
/// <param name="Since">When it was seen first, or when a call was seen last.</param>
internal readonly record struct WatchedCall(bool IsInside, int Number, long Since);
