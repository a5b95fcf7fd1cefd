using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;
using Wherry.Wasi.Polling;
using Wherry.Wasi.Waiting;

namespace Wherry.Wasi.Descriptors;

/// <summary>
/// What a file descriptor of a guest stands for. Operations that a kind of descriptor doesn't have answer with the error that POSIX gives;
/// rights are checked by the functions before they call these.
/// </summary>
internal abstract class Descriptor
{
    private PollState pollState;

    protected Descriptor(FileType fileType, Rights rights, Rights inheritingRights)
    {
        FileType = fileType;
        Rights = rights;
        InheritingRights = inheritingRights;
    }

    /// <summary>What it is.</summary>
    public FileType FileType { get; }

    /// <summary>What may be done with it; can only shrink.</summary>
    public Rights Rights { get; set; }

    /// <summary>What may be done with descriptors opened through it; can only shrink.</summary>
    public Rights InheritingRights { get; set; }

    /// <summary>Whether it lies in a read-only folder: no change to the file or the folder is made through it, whatever its rights.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>The guest's flags. Whether the host's handle blocks is another matter: no wait of a guest may block the host for good.</summary>
    public FileDescriptorFlags Flags { get; protected set; }

    /// <summary>poll_oneoff's notes.</summary>
    public ref PollState PollState => ref pollState;

    /// <summary>Whether operations that can't go on answer Again instead of waiting.</summary>
    public bool IsNonBlocking => (Flags & FileDescriptorFlags.NonBlocking) != 0;

    /// <summary>The host's file descriptor for poll(2), or -1 if there is none: then it is always ready.</summary>
    public virtual int HostHandle => -1;

    /// <summary>The handle of the process that it was made of; -1 if there is none.</summary>
    public virtual int OpenedHandle => -1;

    /// <summary>How many bytes a read gets without waiting, for poll_oneoff's event.</summary>
    public virtual ulong ReadableByteCount => 0;

    /// <summary>Whether all rights are there.</summary>
    public bool Has(Rights rights) => (Rights & rights) == rights;

    /// <summary>Reads into the buffers, at once or with Again.</summary>
    public virtual Errno TryRead(ReadOnlySpan<NativeBuffer> buffers, out uint count) => Unsupported(Errno.Badf, out count);

    /// <summary>Writes the buffers, at once or with Again.</summary>
    public virtual Errno TryWrite(ReadOnlySpan<NativeBuffer> buffers, out uint count) => Unsupported(Errno.Badf, out count);

    /// <summary>Reads at an offset.</summary>
    public virtual Errno TryReadAt(ReadOnlySpan<NativeBuffer> buffers, ulong offset, out uint count) => Unsupported(Errno.Spipe, out count);

    /// <summary>Writes at an offset.</summary>
    public virtual Errno TryWriteAt(ReadOnlySpan<NativeBuffer> buffers, ulong offset, out uint count) => Unsupported(Errno.Spipe, out count);

    /// <summary>Waits until a read is worth trying.</summary>
    public virtual ValueTask WaitUntilReadableAsync(Waiter waiter, CancellationToken cancellationToken) =>
        WaitAsync(waiter, Libc.POLLIN, cancellationToken);

    /// <summary>Waits until a write is worth trying.</summary>
    public virtual ValueTask WaitUntilWritableAsync(Waiter waiter, CancellationToken cancellationToken) =>
        WaitAsync(waiter, Libc.POLLOUT, cancellationToken);

    /// <summary>Moves the position.</summary>
    public virtual Errno Seek(long offset, Whence whence, out ulong position)
    {
        position = 0;
        return Errno.Spipe;
    }

    /// <summary>Announces how a range will be used.</summary>
    public virtual Errno Advise(ulong offset, ulong length, byte advice) => Errno.Spipe;

    /// <summary>Makes sure that a range has space on the disk.</summary>
    public virtual Errno Allocate(ulong offset, ulong length) => Errno.Spipe;

    /// <summary>Writes what is cached to the disk.</summary>
    public virtual Errno Synchronize(bool dataOnly) => Errno.Inval;

    /// <summary>Cuts or extends.</summary>
    public virtual Errno SetSize(ulong size) => Errno.Inval;

    /// <summary>Sets timestamps.</summary>
    public virtual Errno SetTimes(in FileTimes times) => Errno.Inval;

    /// <summary>Replaces the flags.</summary>
    public virtual Errno SetFlags(FileDescriptorFlags flags)
    {
        Flags = flags;
        return Errno.Success;
    }

    /// <summary>Attributes.</summary>
    public virtual Errno GetStatus(out FileStatus status)
    {
        status = new FileStatus { FileType = FileType, LinkCount = 1 };
        return Errno.Success;
    }

    /// <summary>Gives the host's resources back. Called once.</summary>
    public virtual Errno Close() => Errno.Success;

    private async ValueTask WaitAsync(Waiter waiter, short events, CancellationToken cancellationToken) =>
        await waiter.WaitAsync(HostHandle, events, Waiter.Forever, cancellationToken).ConfigureAwait(false);

    private static Errno Unsupported(Errno errno, out uint count)
    {
        count = 0;
        return errno;
    }
}
