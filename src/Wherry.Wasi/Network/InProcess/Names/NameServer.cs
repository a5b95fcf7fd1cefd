using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network.InProcess.Datagrams;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Wasi.Network.InProcess.Names;

/// <summary>
/// Answers a guest that asks a DNS server rather than the host: over UDP (RFC 1035) and TCP (RFC 7766), at the address that it was given, which nobody else reaches. It tells what the guest may know by other ways too: the project's
/// services on its networks, and hosts that it may connect to.
/// </summary>
/// <param name="member">The guest's place on the network.</param>
/// <param name="guard">What it may ask for besides.</param>
/// <param name="resolver">Where that is looked up.</param>
internal sealed class NameServer(NetworkMember member, NetworkGuard guard, NameResolver resolver)
{
    /// <summary>Questions are of a few hundred bytes; what is longer is nothing that is answered here.</summary>
    private const int LongestMessage = 4096;

    /// <summary>A guest's connections at once. Each has a handle of the process.</summary>
    private const int MostConnections = 64;

    /// <summary>Questions over UDP that are being answered at once; more are lost, as datagrams may be.</summary>
    private const int MostQuestions = 64;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private int connections;
    private int questions;

    /// <summary>Answers what comes on a connection, until its end.</summary>
    /// <param name="handle">The server's end, which this closes.</param>
    /// <returns>False if there are too many, or the process has too few handles left; then the handle is still the caller's.</returns>
    public bool TryServe(int handle)
    {
        int count = Interlocked.Increment(ref connections);
        if (count > MostConnections || HostHandles.IsBeyond(handle, count))
        {
            Interlocked.Decrement(ref connections);
            return false;
        }

        _ = Task.Run(() => ServeAsync(new NetworkStream(new Socket(new SafeSocketHandle(handle, ownsHandle: true)), ownsSocket: true)));
        return true;
    }

    /// <summary>Answers a message that came over UDP, to the port that it came from.</summary>
    /// <param name="from">The asking socket's port.</param>
    /// <param name="server">The address that was asked.</param>
    /// <param name="message">The message; not kept.</param>
    public void Ask(DatagramPort from, SocketAddress server, ReadOnlySpan<NativeBuffer> message)
    {
        var bytes = new List<byte>();
        foreach (ref readonly NativeBuffer buffer in message)
        {
            if (buffer.Length > LongestMessage - (nuint)bytes.Count)
            {
                return;
            }

            bytes.AddRange(buffer.Span);
        }

        if (Interlocked.Increment(ref questions) > MostQuestions)
        {
            Interlocked.Decrement(ref questions);
            return;
        }

        _ = Task.Run(() => AnswerAsync(from, server, bytes.ToArray()));
    }

    /// <summary>The answer to a message; null to one that can't be answered.</summary>
    public async Task<byte[]?> AnswerAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        DnsStatus status = DnsQuestion.Read(message, out DnsQuestion question);
        IPAddress[] addresses = [];
        if (status == DnsStatus.Success)
        {
            (status, addresses) = await FindAsync(question.Name, cancellationToken).ConfigureAwait(false);
        }

        return message.Length < 12 ? null : DnsQuestion.Answer(message.Span, question, status, addresses);
    }

    private async Task AnswerAsync(DatagramPort to, SocketAddress server, byte[] message)
    {
        try
        {
            using var limit = new CancellationTokenSource(Patience);
            if (await AnswerAsync(message, limit.Token).ConfigureAwait(false) is { } answer)
            {
                Deliver(to, server, DnsQuestion.Shorten(answer));
            }
        }
        catch (OperationCanceledException)
        {
            // The guest asks again, or has given up.
        }
        finally
        {
            Interlocked.Decrement(ref questions);
        }
    }

    private static unsafe void Deliver(DatagramPort to, in SocketAddress server, ReadOnlySpan<byte> answer)
    {
        fixed (byte* first = answer)
        {
            // Sound: the span's own length is passed.
            _ = to.Deliver(server, [new NativeBuffer(first, (nuint)answer.Length)]);
        }
    }

    private async Task<(DnsStatus Status, IPAddress[] Addresses)> FindAsync(string name, CancellationToken cancellationToken)
    {
        if (member.TryResolve(name, out IPAddress? inside))
        {
            return (DnsStatus.Success, [inside]);
        }

        if (name.Length == 0 || !guard.MayResolve(name))
        {
            return (DnsStatus.Refused, []);
        }

        try
        {
            return (DnsStatus.Success, await guard.ResolveAsync(name, resolver, cancellationToken).ConfigureAwait(false));
        }
        catch (SocketException exception)
        {
            return (exception.SocketErrorCode is SocketError.HostNotFound or SocketError.NoData ? DnsStatus.NoSuchName : DnsStatus.ServerFailure, []);
        }
        catch (ArgumentException)
        {
            // Too long for a name.
            return (DnsStatus.NoSuchName, []);
        }
    }

    private async Task ServeAsync(NetworkStream stream)
    {
        try
        {
            await using (stream.ConfigureAwait(false))
            {
                var buffer = new byte[LongestMessage];
                while (true)
                {
                    using var limit = new CancellationTokenSource(Patience);
                    await stream.ReadExactlyAsync(buffer.AsMemory(0, 2), limit.Token).ConfigureAwait(false);
                    int length = BinaryPrimitives.ReadUInt16BigEndian(buffer);
                    if (length > buffer.Length)
                    {
                        return;
                    }

                    await stream.ReadExactlyAsync(buffer.AsMemory(0, length), limit.Token).ConfigureAwait(false);
                    if (await AnswerAsync(buffer.AsMemory(0, length), limit.Token).ConfigureAwait(false) is not { } answer)
                    {
                        return;
                    }

                    // In one piece: some clients take the length alone for the end.
                    var whole = new byte[answer.Length + 2];
                    BinaryPrimitives.WriteUInt16BigEndian(whole, (ushort)answer.Length);
                    answer.CopyTo(whole, 2);
                    await stream.WriteAsync(whole, limit.Token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception exception) when (exception is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The guest has closed its end, or says nothing.
        }
        finally
        {
            Interlocked.Decrement(ref connections);
        }
    }
}
