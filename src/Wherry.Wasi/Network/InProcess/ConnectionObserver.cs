namespace Wherry.Wasi.Network.InProcess;

/// <summary>Told of the connections to the services of a network.</summary>
internal abstract class NetworkObserver
{
    /// <summary>A connection is being made.</summary>
    /// <param name="from">Who connects; null for what is outside of the network.</param>
    /// <param name="to">Whom to.</param>
    /// <returns>Who is told what passes over it; null if nobody wants to know.</returns>
    public abstract ConnectionObserver? Connecting(NetworkService? from, NetworkService to);
}

/// <summary>Told what passes over one connection, by the guest at one end of it. It must neither wait nor throw, and changes nothing unless it has asked for room to.</summary>
/// <remarks>
/// One thread at a time tells it. The bytes are in the guest's memory, whose other threads may change them meanwhile: nothing may rest on reading a byte twice.
/// </remarks>
internal abstract class ConnectionObserver
{
    /// <summary>The one that connected has sent these, and the service's guest has them now, or is about to send them itself.</summary>
    public abstract void FromClient(ReadOnlySpan<byte> bytes);

    /// <summary>How many bytes it would add to what the client sends next; 0 for none.</summary>
    public virtual int Room => 0;

    /// <summary>As <see cref="FromClient"/>, with room behind the bytes to add some.</summary>
    /// <param name="buffer">What was received, and room for more.</param>
    /// <param name="count">The bytes that were received.</param>
    /// <returns>The bytes that the guest is given.</returns>
    public virtual int AmendFromClient(Span<byte> buffer, int count)
    {
        FromClient(buffer[..count]);
        return count;
    }

    /// <summary>The service has sent these.</summary>
    public abstract void FromService(ReadOnlySpan<byte> bytes);

    /// <summary>Nobody has taken the connection: there was none.</summary>
    public abstract void Refused();

    /// <summary>The connection has ended.</summary>
    public abstract void Closed();
}
