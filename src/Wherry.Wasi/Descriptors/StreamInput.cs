using Wherry.Wasi.Abi;
using Wherry.Wasi.Waiting;

namespace Wherry.Wasi.Descriptors;

/// <summary>
/// A .NET stream as standard input. One read of the stream is under way at a time, into a buffer of our own: it may end long after the guest was
/// interrupted, when the guest's memory is no longer there.
/// </summary>
internal sealed class StreamInput(Stream stream)
    : Descriptor(FileType.Unknown, Rights.FdRead | Rights.FdFdstatSetFlags | Rights.FdFilestatGet | Rights.PollFdReadwrite, Rights.None)
{
    private const int BufferSize = 16 * 1024;

    // Made at first use: many guests never read or write.
    private byte[] buffer = [];
    private readonly SignalHandle signal = new();
    private Task<int>? pending;
    private int position;
    private int length;
    private bool isAtEnd;

    /// <summary>An eventfd that is readable when data is there. To ask for it starts to read.</summary>
    public override int HostHandle
    {
        get
        {
            var handle = signal.GetHandle();
            if (position == length && !isAtEnd)
            {
                pending ??= StartReading();
            }

            if (position < length || isAtEnd || pending is null or { IsCompleted: true })
            {
                signal.Set();
            }

            return handle;
        }
    }

    /// <inheritdoc/>
    public override ulong ReadableByteCount => pending is { IsCompletedSuccessfully: true } ? (ulong)pending.Result : (ulong)(length - position);

    /// <inheritdoc/>
    public override Errno TryRead(ReadOnlySpan<NativeBuffer> buffers, out uint count)
    {
        count = 0;
        if (IsEmpty(buffers))
        {
            return Errno.Success;
        }

        if (position == length && !isAtEnd)
        {
            pending ??= StartReading();
            if (!pending.IsCompleted)
            {
                return Errno.Again;
            }

            var errno = TakePending();
            if (errno != Errno.Success)
            {
                return errno;
            }
        }

        foreach (var part in buffers)
        {
            var piece = Math.Min(part.Span.Length, length - position);
            buffer.AsSpan(position, piece).CopyTo(part.Span);
            position += piece;
            count += (uint)piece;
        }

        if (position == length && !isAtEnd)
        {
            signal.Clear();
        }

        return Errno.Success;
    }

    /// <inheritdoc/>
    public override ValueTask WaitUntilReadableAsync(Waiter waiter, CancellationToken cancellationToken) =>
        pending is { } task ? waiter.WaitAsync(task, cancellationToken) : ValueTask.CompletedTask;

    /// <inheritdoc/>
    public override Errno Close()
    {
        signal.Close();
        return Errno.Success;
    }

    private static bool IsEmpty(ReadOnlySpan<NativeBuffer> buffers)
    {
        foreach (var part in buffers)
        {
            if (part.Length > 0)
            {
                return false;
            }
        }

        return true;
    }

    private Task<int> StartReading()
    {
        if (buffer.Length == 0)
        {
            buffer = new byte[BufferSize];
        }

        Task<int> task;
        try
        {
            task = stream.ReadAsync(buffer, CancellationToken.None).AsTask();
        }
        catch (Exception exception)
        {
            // Streams may throw at once or later; both come to the same here.
            task = Task.FromException<int>(exception);
        }

        if (!task.IsCompleted)
        {
            _ = task.ContinueWith(
                static (_, state) => ((SignalHandle)state!).Set(), signal, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        return task;
    }

    private Errno TakePending()
    {
        var task = pending!;
        pending = null;
        position = 0;
        length = 0;
        try
        {
            length = task.GetAwaiter().GetResult();
            isAtEnd = length == 0;
            return Errno.Success;
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or NotSupportedException or OperationCanceledException)
        {
            return Errno.Io;
        }
    }
}
