namespace Wherry;

/// <summary>A module could not be instantiated: an import is missing or of another type, or a limit stands in the way.</summary>
public sealed class LinkException : Exception
{
    /// <summary>An error with a message that says what is wrong and what would help.</summary>
    public LinkException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
