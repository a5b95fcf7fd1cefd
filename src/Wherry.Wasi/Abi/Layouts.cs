using System.Runtime.InteropServices;

namespace Wherry.Wasi.Abi;

// The structures that guests and host exchange, as snapshot 1 of the specification lays them out. All are little-endian, as are all
// systems that .NET 10 runs on but s390x, where the context refuses to start.

/// <summary>One part of a scattered read or a gathered write: address and length in the guest's memory.</summary>
[StructLayout(LayoutKind.Sequential, Size = 8)]
internal struct GuestBuffer
{
    public uint Address;
    public uint Length;
}

/// <summary>State of a file descriptor.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
internal struct FileDescriptorStatus
{
    [FieldOffset(0)] public FileType FileType;
    [FieldOffset(2)] public FileDescriptorFlags Flags;
    [FieldOffset(8)] public Rights Rights;
    [FieldOffset(16)] public Rights InheritingRights;
}

/// <summary>Attributes of a file; times are nanoseconds since 1970.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct FileStatus
{
    [FieldOffset(0)] public ulong Device;
    [FieldOffset(8)] public ulong Inode;
    [FieldOffset(16)] public FileType FileType;
    [FieldOffset(24)] public ulong LinkCount;
    [FieldOffset(32)] public ulong Size;
    [FieldOffset(40)] public ulong AccessTime;
    [FieldOffset(48)] public ulong ModificationTime;
    [FieldOffset(56)] public ulong ChangeTime;
}

/// <summary>What precedes each name in fd_readdir's buffer.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
internal struct DirectoryEntryHeader
{
    [FieldOffset(0)] public ulong Next;
    [FieldOffset(8)] public ulong Inode;
    [FieldOffset(16)] public uint NameLength;
    [FieldOffset(20)] public FileType FileType;
}

/// <summary>What a preopened descriptor is: tag 0 is a directory.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
internal struct PreopenStatus
{
    [FieldOffset(0)] public byte Tag;
    [FieldOffset(4)] public uint NameLength;
}
