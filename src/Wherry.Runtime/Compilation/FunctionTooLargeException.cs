namespace Wherry.Compilation;

/// <summary>Ends the emission of a function that goes beyond what IL can hold; calling the function then tells so.</summary>
internal sealed class FunctionTooLargeException(string message) : Exception(message);
