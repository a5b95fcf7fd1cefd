namespace Wherry.Wasi.Abi;

/// <summary>Flags of an open file descriptor.</summary>
[Flags]
internal enum FileDescriptorFlags : ushort
{
    None = 0,
    Append = 1,
    DataSync = 2,
    NonBlocking = 4,
    ReadSync = 8,
    Sync = 16,
    All = 31,
}

/// <summary>What a file descriptor or a directory entry is.</summary>
internal enum FileType : byte
{
    Unknown = 0,
    BlockDevice = 1,
    CharacterDevice = 2,
    Directory = 3,
    RegularFile = 4,
    SocketDatagram = 5,
    SocketStream = 6,
    SymbolicLink = 7,
}

/// <summary>How path_open opens.</summary>
[Flags]
internal enum OpenFlags : ushort
{
    None = 0,
    Create = 1,
    Directory = 2,
    Exclusive = 4,
    Truncate = 8,
    All = 15,
}

/// <summary>How a path is looked up.</summary>
[Flags]
internal enum LookupFlags : uint
{
    None = 0,
    SymbolicLinkFollow = 1,
}

/// <summary>Which timestamps are set, and to what.</summary>
[Flags]
internal enum TimestampFlags : ushort
{
    None = 0,
    Access = 1,
    AccessNow = 2,
    Modification = 4,
    ModificationNow = 8,
    All = 15,
}

/// <summary>What an offset is relative to.</summary>
internal enum Whence : byte
{
    Set = 0,
    Current = 1,
    End = 2,
}

/// <summary>Clocks.</summary>
internal enum ClockId : uint
{
    RealTime = 0,
    Monotonic = 1,
    ProcessCpuTime = 2,
    ThreadCpuTime = 3,
}
