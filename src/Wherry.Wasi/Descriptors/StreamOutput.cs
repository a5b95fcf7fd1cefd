using Wherry.Wasi.Abi;
using Wherry.Wasi.Waiting;

namespace Wherry.Wasi.Descriptors;

/// <summary>
/// A .NET stream as standard output or error. What the guest writes is copied, and one write of the stream is under way at a time; the next one
/// waits for it. Each is flushed, so that output appears when the guest makes it. To poll it is always ready.
/// </summary>
internal sealed class StreamOutput(Stream stream)
    : Descriptor(FileType.Unknown, Rights.FdWrite | Rights.FdFdstatSetFlags | Rights.FdFilestatGet | Rights.FdSync | Rights.FdDatasync | Rights.PollFdReadwrite, Rights.None)
{
    private static readonly TimeSpan LastWait = TimeSpan.FromSeconds(5);

    private const int BufferSize = 16 * 1024;

    // Made at first use: many guests never read or write.
    private byte[] buffer = [];
    private Task? pending;
    private bool isClosed;

    /// <inheritdoc/>
    public override Errno TryWrite(ReadOnlySpan<NativeBuffer> buffers, out uint count)
    {
        count = 0;
        if (pending is { IsCompleted: false })
        {
            return Errno.Again;
        }

        var errno = TakePending();
        if (errno != Errno.Success)
        {
            return errno;
        }

        if (buffer.Length == 0)
        {
            buffer = new byte[BufferSize];
        }

        var length = 0;
        foreach (var part in buffers)
        {
            var piece = Math.Min(part.Span.Length, buffer.Length - length);
            part.Span[..piece].CopyTo(buffer.AsSpan(length));
            length += piece;
        }

        if (length == 0)
        {
            return Errno.Success;
        }

        pending = WriteAsync(length);
        if (pending.IsCompleted)
        {
            errno = TakePending();
            if (errno != Errno.Success)
            {
                return errno;
            }
        }

        count = (uint)length;
        return Errno.Success;
    }

    /// <inheritdoc/>
    public override ValueTask WaitUntilWritableAsync(Waiter waiter, CancellationToken cancellationToken) =>
        pending is { } task ? waiter.WaitAsync(task, cancellationToken) : ValueTask.CompletedTask;

    /// <inheritdoc/>
    public override Errno Synchronize(bool dataOnly) => Errno.Success;

    /// <summary>Gives the last write a little time to arrive. The stream stays open: it is the embedder's.</summary>
    public override Errno Close()
    {
        if (isClosed)
        {
            return Errno.Success;
        }

        isClosed = true;
        try
        {
            _ = pending?.Wait(LastWait);
        }
        catch (AggregateException)
        {
            // Reported below.
        }

        return pending is { IsCompleted: false } ? Errno.Io : TakePending();
    }

    private async Task WriteAsync(int length)
    {
        await stream.WriteAsync(buffer.AsMemory(0, length), CancellationToken.None).ConfigureAwait(false);
        await stream.FlushAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private Errno TakePending()
    {
        var task = pending;
        pending = null;
        try
        {
            task?.GetAwaiter().GetResult();
            return Errno.Success;
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or NotSupportedException or OperationCanceledException)
        {
            return Errno.Io;
        }
    }
}
