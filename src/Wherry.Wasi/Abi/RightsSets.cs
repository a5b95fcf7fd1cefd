namespace Wherry.Wasi.Abi;

/// <summary>Rights that belong together.</summary>
internal static class RightsSets
{
    /// <summary>All rights of preview 1; higher bits that guests set by habit are ignored.</summary>
    public const Rights All = (Rights)((1UL << 29) - 1);

    /// <summary>What applies to files.</summary>
    public const Rights File = Rights.FdDatasync | Rights.FdRead | Rights.FdSeek | Rights.FdFdstatSetFlags | Rights.FdSync | Rights.FdTell | Rights.FdWrite
        | Rights.FdAdvise | Rights.FdAllocate | Rights.FdFilestatGet | Rights.FdFilestatSetSize | Rights.FdFilestatSetTimes | Rights.PollFdReadwrite;

    /// <summary>What applies to directories.</summary>
    public const Rights Directory = Rights.FdDatasync | Rights.FdFdstatSetFlags | Rights.FdSync | Rights.FdAdvise | Rights.PathCreateDirectory | Rights.PathCreateFile
        | Rights.PathLinkSource | Rights.PathLinkTarget | Rights.PathOpen | Rights.FdReaddir | Rights.PathReadlink | Rights.PathRenameSource
        | Rights.PathRenameTarget | Rights.PathFilestatGet | Rights.PathFilestatSetSize | Rights.PathFilestatSetTimes | Rights.FdFilestatGet
        | Rights.FdFilestatSetTimes | Rights.PathSymlink | Rights.PathRemoveDirectory | Rights.PathUnlinkFile;

    /// <summary>What needs a host handle that is open for writing.</summary>
    public const Rights NeedWriting = Rights.FdWrite | Rights.FdAllocate | Rights.FdFilestatSetSize;

    /// <summary>What a file in a read-only folder loses.</summary>
    public const Rights ChangeFile = NeedWriting | Rights.FdFilestatSetTimes;

    /// <summary>What standard streams and other things without a position have.</summary>
    public const Rights Stream = Rights.FdRead | Rights.FdWrite | Rights.FdFdstatSetFlags | Rights.FdFilestatGet | Rights.PollFdReadwrite;
}
