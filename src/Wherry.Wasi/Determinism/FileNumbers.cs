using Wherry.Wasi.Abi;

namespace Wherry.Wasi.Determinism;

/// <summary>
/// What a deterministic guest sees of a file's attributes: those that the file's content and name don't determine are the same in every run. Files are numbered
/// in the order in which the guest first meets them.
/// </summary>
internal sealed class FileNumbers
{
    private const ulong Device = 1;

    private readonly Dictionary<(ulong Device, ulong Inode), ulong> _numbers = [];
    private ulong _last;

    public ulong Of(ulong device, ulong inode)
    {
        if (!_numbers.TryGetValue((device, inode), out ulong number))
        {
            number = ++_last;
            _numbers.Add((device, inode), number);
        }

        return number;
    }

    /// <summary>The file is gone: whether the system gives its number to another is its own affair.</summary>
    public void Forget(ulong device, ulong inode) => _numbers.Remove((device, inode));

    public FileStatus Normalize(in FileStatus status)
    {
        bool isOfFolder = status.FileType is FileType.RegularFile or FileType.Directory or FileType.SymbolicLink;
        return status with
        {
            Device = Device,
            Inode = isOfFolder ? Of(status.Device, status.Inode) : 0,
            LinkCount = status.FileType == FileType.RegularFile ? status.LinkCount : 1,
            Size = status.FileType is FileType.RegularFile or FileType.SymbolicLink ? status.Size : 0,
            AccessTime = VirtualClock.Start,
            ModificationTime = VirtualClock.Start,
            ChangeTime = VirtualClock.Start,
        };
    }
}
