namespace Wherry.Cli.Preinitialization;

/// <summary>A module called, while it was initialized, what it may not call.</summary>
internal sealed class RefusedCallException(string message) : Exception(message);
