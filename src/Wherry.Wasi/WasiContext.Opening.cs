using System.Runtime.CompilerServices;
using System.Text;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Descriptors;
using Wherry.Wasi.Determinism;
using Wherry.Wasi.Native;

namespace Wherry.Wasi;

// What is open when the guest starts: the standard streams are 0 to 2, the folders follow.
public sealed unsafe partial class WasiContext
{
    private void OpenStandardStreams()
    {
        Add(OpenStandardStream(0, Options.StandardInput));
        Add(OpenStandardStream(1, Options.StandardOutput));
        Add(OpenStandardStream(2, Options.StandardError));
    }

    private Descriptor OpenStandardStream(int number, Stream? stream)
    {
        if (Options.Deterministic)
        {
            // Of a kind that doesn't depend on what the process was started with.
            return number switch
            {
                0 => new StreamInput(new WholeReads(stream ?? OpenByConsole(0))),
                _ => new StreamOutput(stream ?? OpenByConsole(number)),
            };
        }

        var direction = number == 0 ? Rights.FdRead : Rights.FdWrite;
        if (stream is null && OperatingSystem.IsLinux())
        {
            return Inherit(number, direction);
        }

        stream ??= OpenByConsole(number);
        return number == 0 ? new StreamInput(stream) : new StreamOutput(stream);
    }

    // Apart, so that the console's assembly is loaded only where it is needed.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Stream OpenByConsole(int number) => number switch
    {
        0 => Console.OpenStandardInput(),
        1 => Console.OpenStandardOutput(),
        _ => Console.OpenStandardError(),
    };

    internal static Descriptor Inherit(int handle, Rights direction)
    {
        // If the process was started without it, the number is free, or .NET has opened something of its own under it, which no guest may touch. That can be
        // told apart: what is inherited came through exec, so it lacks the flag that closes a handle there, and .NET sets it on all that it opens.
        if (HostFiles.GetStatus(handle, out HostStatus status) != Errno.Success || (Libc.fcntl(handle, Libc.F_GETFD, 0) & Libc.FD_CLOEXEC) != 0)
        {
            return direction == Rights.FdRead ? new StreamInput(Stream.Null) : new StreamOutput(Stream.Null);
        }

        var type = HostFiles.TypeOf(status);
        var isTerminal = type == FileType.CharacterDevice && Libc.isatty(handle) == 1;
        var hasPosition = type is FileType.RegularFile or FileType.BlockDevice || (type == FileType.CharacterDevice && !isTerminal);
        var both = Rights.FdRead | Rights.FdWrite;
        var rights = ((hasPosition ? RightsSets.File : RightsSets.Stream) & ~both) | direction;
        var blocking = hasPosition ? Blocking.Never : isTerminal ? Blocking.PollFirst : Blocking.AskEachCall;
        return new FileDescriptor(handle, isOwned: false, type, blocking, FileDescriptorFlags.None, rights, Rights.None);
    }

    private void OpenDirectories()
    {
        // Apart, since the runtime prepares all that a method may use before it runs.
        if (Options.Directories.Count > 0)
        {
            OpenGivenDirectories();
        }
    }

    private void OpenGivenDirectories()
    {
        foreach (var directory in Options.Directories)
        {
            Add(OpenDirectory(directory));
        }
    }

    private static DirectoryDescriptor OpenDirectory(PreopenedDirectory directory)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException(
                $"The folder {directory.HostPath} can't be given to the guest: only on Linux can its paths be kept inside. Run without folders.");
        }

        if (directory.GuestPath.Length == 0 || directory.GuestPath.Contains('\0', StringComparison.Ordinal) || directory.HostPath.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException($"The folder {directory.HostPath} has no usable name for the guest.");
        }

        int handle;
        fixed (byte* path = Encoding.UTF8.GetBytes(directory.HostPath + '\0'))
        {
            // Sound: the path ends with a zero. It is the host's own, so it is followed wherever it leads.
            handle = Libc.openat(Libc.AT_FDCWD, path, Libc.O_RDONLY | Libc.O_DIRECTORY | Libc.O_CLOEXEC, 0);
        }

        if (handle < 0)
        {
            var reason = SystemErrors.Last() switch
            {
                Errno.Noent => "it does not exist",
                Errno.Notdir => "it is not a folder",
                Errno.Acces => "access is denied",
                var errno => $"the system says {errno}",
            };
            throw new IOException($"The folder {directory.HostPath} can't be given to the guest: {reason}.");
        }

        return new DirectoryDescriptor(handle, RightsSets.Directory, RightsSets.All)
        {
            PreopenName = Encoding.UTF8.GetBytes(directory.GuestPath),
            IsReadOnly = directory.IsReadOnly,
        };
    }

    private void Add(Descriptor descriptor)
    {
        if (Descriptors.Add(descriptor, out _) != Errno.Success)
        {
            if (Descriptors.Count < Options.MaximumDescriptors)
            {
                throw new IOException($"There are too few handles left: the process may have {HostHandles.Limit} open files (ulimit -n), and some are kept for the host.");
            }

            throw new ArgumentException($"WasiOptions gives the guest more than its {Options.MaximumDescriptors} file descriptors.");
        }
    }
}
