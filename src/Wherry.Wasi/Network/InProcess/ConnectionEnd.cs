namespace Wherry.Wasi.Network.InProcess;

/// <summary>One end of a connection between two guests. Beside the system's pair of sockets it carries what that can't: that the other side was reset.</summary>
internal sealed class ConnectionEnd
{
    private ConnectionEnd peer = null!;
    private bool wasReset;

    public static (ConnectionEnd Near, ConnectionEnd Far) CreatePair()
    {
        var near = new ConnectionEnd();
        var far = new ConnectionEnd { peer = near };
        near.peer = far;
        return (near, far);
    }

    /// <summary>The other side is to see a reset rather than the end of the stream. Called before the handle is closed.</summary>
    public void Reset() => Volatile.Write(ref peer.wasReset, true);

    /// <summary>Whether the other side has reset the connection; told once.</summary>
    public bool TakeReset() => Interlocked.Exchange(ref wasReset, false);
}
