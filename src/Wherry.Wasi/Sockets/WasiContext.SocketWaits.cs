using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi;

// The socket extension: what blocking sockets do when they have to wait.
public sealed partial class WasiContext
{
    private async ValueTask<int> ReceiveSlowlyAsync(
        GuestCall call, SocketDescriptor socket, uint buffers, uint count, uint flags, uint received, uint receivedAddress, uint flagsAddress)
    {
        bool waitAll = WaitsForAll(socket, flags);
        while (true)
        {
            Errno errno = TryReceiveAgain(call, socket, buffers, count, flags, received, out uint more, out uint wanted, out bool truncated);
            received += more;
            if (errno == Errno.Success && waitAll && more != 0 && more < wanted)
            {
                continue;
            }

            bool timedOut = errno == Errno.Again
                && !await WaitAsync(socket, Libc.POLLIN, socket.ReceiveTimeout, call.CancellationToken).ConfigureAwait(false);
            if (errno == Errno.Again && !timedOut)
            {
                continue;
            }

            if (errno != Errno.Success && received == 0)
            {
                return (int)errno;
            }

            call.Write(receivedAddress, received);
            return (int)call.Write(flagsAddress, truncated ? ReceivedTruncated : (ushort)0);
        }
    }

    /// <summary>A peek takes nothing away, so waiting for all of it would never end.</summary>
    private static bool WaitsForAll(SocketDescriptor socket, uint flags) =>
        (flags & (ReceiveWaitAll | ReceivePeek)) == ReceiveWaitAll && socket.IsStream && !socket.IsNonBlocking;

    private async ValueTask<int> ReceiveFromSlowlyAsync(
        GuestCall call, SocketDescriptor socket, uint buffers, uint count, uint addressAddress, uint flags, uint? portAddress, uint receivedAddress, uint flagsAddress)
    {
        while (true)
        {
            if (!await WaitAsync(socket, Libc.POLLIN, socket.ReceiveTimeout, call.CancellationToken).ConfigureAwait(false))
            {
                return (int)Errno.Again;
            }

            Errno errno = TryReceiveFrom(call, socket, buffers, count, addressAddress, flags, portAddress, receivedAddress, flagsAddress);
            if (errno != Errno.Again)
            {
                return (int)errno;
            }
        }
    }

    /// <summary>A blocking send returns when all is sent, as the system's does; with an error after a part, the part is what counts.</summary>
    private async ValueTask<int> SendSlowlyAsync(
        GuestCall call, SocketDescriptor socket, uint buffers, uint count, uint sent, SocketAddress? receiver, uint sentAddress)
    {
        while (true)
        {
            Errno errno = TrySendAgain(call, socket, buffers, count, sent, receiver, out uint more, out uint remaining);
            sent += more;
            if (errno == Errno.Success && more >= remaining)
            {
                return (int)call.Write(sentAddress, sent);
            }

            if (errno is not (Errno.Success or Errno.Again))
            {
                return (int)(sent > 0 ? call.Write(sentAddress, sent) : errno);
            }

            if (!await WaitAsync(socket, Libc.POLLOUT, socket.SendTimeout, call.CancellationToken).ConfigureAwait(false))
            {
                return (int)(sent > 0 ? call.Write(sentAddress, sent) : Errno.Again);
            }
        }
    }

    private async ValueTask<int> SendToSlowlyAsync(
        ValueTask<Errno> check, GuestCall call, SocketDescriptor socket, uint buffers, uint count, SocketAddress target, uint sentAddress)
    {
        Errno errno = await check.ConfigureAwait(false);
        if (errno != Errno.Success)
        {
            return (int)errno;
        }

        if (socket.SourceFilter is not null)
        {
            socket.RememberPeer(target.Normalize().WithPort(0));
        }

        errno = TrySendAgain(call, socket, buffers, count, 0, target, out uint sent, out _);
        if (errno == Errno.Again && !socket.IsNonBlocking)
        {
            return await SendSlowlyAsync(call, socket, buffers, count, 0, target, sentAddress).ConfigureAwait(false);
        }

        return (int)(errno == Errno.Success ? call.Write(sentAddress, sent) : errno);
    }
}
