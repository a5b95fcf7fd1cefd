namespace Wherry.Preinitialization;

/// <summary>An instance has state that no module can start with.</summary>
internal sealed class SnapshotException(string message) : Exception(message);
