namespace Wherry;

/// <summary>
/// An exception of WebAssembly (specification, 4.2.11): thrown by a guest and caught by none of its handlers, it reaches .NET as this. A host function may throw
/// one, for the guest's handlers to catch. Traps and other .NET exceptions are never caught by a guest.
/// </summary>
public sealed class WasmException : Exception
{
    /// <summary>An exception with the values that its tag asks for.</summary>
    /// <param name="tag">The tag that handlers look for.</param>
    /// <param name="values">The values, as <see cref="Function.Invoke"/> takes them.</param>
    /// <exception cref="ArgumentException">The values do not fit the tag.</exception>
    public WasmException(Tag tag, params ReadOnlySpan<object?> values)
        : base("An exception of the guest was not caught.")
    {
        ArgumentNullException.ThrowIfNull(tag);
        if (values.Length != tag.Type.FunctionType.Parameters.Length)
        {
            throw new ArgumentException($"The tag takes {tag.Type.FunctionType.Parameters.Length} values, not {values.Length}.", nameof(values));
        }

        Tag = tag;
        Payload = new Execution.ExceptionPayload(tag.Type.FunctionType, values, tag.Store);
    }

    internal WasmException(Tag tag, Execution.ExceptionPayload payload)
        : base("An exception of the guest was not caught.")
    {
        Tag = tag;
        Payload = payload;
    }

    /// <summary>What identifies the kind of exception.</summary>
    public Tag Tag { get; }

    /// <summary>The values, by the tag's types.</summary>
    public IReadOnlyList<object?> Values => Payload.ToObjects(Tag.Type.FunctionType);

    internal Execution.ExceptionPayload Payload { get; }
}
