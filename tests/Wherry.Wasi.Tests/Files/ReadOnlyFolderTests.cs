using Wherry.Wasi.Abi;

namespace Wherry.Wasi.Tests.Files;

/// <summary>A read-only folder refuses every change, by whatever way it is tried.</summary>
public sealed class ReadOnlyFolderTests : IDisposable
{
    private readonly TestGuest guest = new();

    public ReadOnlyFolderTests()
    {
        File.WriteAllText(Path.Combine(guest.ReadOnlyFolder, "file"), "constant");
        Directory.CreateDirectory(Path.Combine(guest.ReadOnlyFolder, "folder"));
        File.WriteAllText(Path.Combine(guest.ReadOnlyFolder, "folder", "file"), "constant");
        File.CreateSymbolicLink(Path.Combine(guest.ReadOnlyFolder, "link"), "file");
        File.WriteAllText(Path.Combine(guest.Inside, "file"), "inside");
        File.SetLastWriteTimeUtc(Path.Combine(guest.ReadOnlyFolder, "file"), DateTime.UnixEpoch.AddDays(1));
    }

    public void Dispose()
    {
        Assert.Equal("constant", File.ReadAllText(Path.Combine(guest.ReadOnlyFolder, "file")));
        Assert.Equal("constant", File.ReadAllText(Path.Combine(guest.ReadOnlyFolder, "folder", "file")));
        Assert.Equal(DateTime.UnixEpoch.AddDays(1), File.GetLastWriteTimeUtc(Path.Combine(guest.ReadOnlyFolder, "file")));
        Assert.Equal(["file", "folder", "link"], Directory.GetFileSystemEntries(guest.ReadOnlyFolder).Select(Path.GetFileName).Order());
        Assert.Equal(["file"], Directory.GetFileSystemEntries(guest.Inside).Select(Path.GetFileName).Order());
        guest.Dispose();
    }

    [Fact]
    public void Its_files_can_be_read()
    {
        Assert.Equal("constant", guest.ReadFile("file", TestGuest.ReadOnly));
        Assert.Equal("constant", guest.ReadFile("link", TestGuest.ReadOnly));
        Assert.Equal(Errno.Success, guest.Status("folder/file", out var status, directory: TestGuest.ReadOnly));
        Assert.Equal(8u, status.Size);
        var folder = guest.MustOpen(".", OpenFlags.Directory, directory: TestGuest.ReadOnly);
        Assert.Equal([".", "..", "file", "folder", "link"], guest.List(folder).Select(entry => entry.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Its_files_cannot_be_opened_for_change()
    {
        foreach (var path in (string[])["file", "link", "folder/file"])
        {
            Assert.Equal(Errno.Rofs, guest.Open(path, out _, rights: Rights.FdWrite, directory: TestGuest.ReadOnly));
            Assert.Equal(Errno.Rofs, guest.Open(path, out _, rights: Rights.FdRead | Rights.FdWrite, directory: TestGuest.ReadOnly));
            Assert.Equal(Errno.Rofs, guest.Open(path, out _, rights: Rights.FdRead | Rights.FdAllocate, directory: TestGuest.ReadOnly));
            Assert.Equal(Errno.Rofs, guest.Open(path, out _, rights: Rights.FdRead | Rights.FdFilestatSetSize, directory: TestGuest.ReadOnly));
            Assert.Equal(Errno.Rofs, guest.Open(path, out _, OpenFlags.Truncate, directory: TestGuest.ReadOnly));
            Assert.Equal(Errno.Rofs, guest.Open(path, out _, OpenFlags.Truncate | OpenFlags.Create, directory: TestGuest.ReadOnly));
        }
    }

    [Fact]
    public void To_create_opens_what_exists_and_makes_nothing()
    {
        Assert.Equal(Errno.Success, guest.Open("file", out _, OpenFlags.Create, directory: TestGuest.ReadOnly));
        Assert.Equal(Errno.Rofs, guest.Open("new", out _, OpenFlags.Create, directory: TestGuest.ReadOnly));
        Assert.Equal(Errno.Rofs, guest.Open("new", out _, OpenFlags.Create | OpenFlags.Exclusive, directory: TestGuest.ReadOnly));
        Assert.Equal(Errno.Exist, guest.Open("file", out _, OpenFlags.Create | OpenFlags.Exclusive, directory: TestGuest.ReadOnly));
        Assert.Equal(Errno.Exist, guest.Open("link", out _, OpenFlags.Create | OpenFlags.Exclusive, directory: TestGuest.ReadOnly));
    }

    [Fact]
    public void Paths_in_it_cannot_be_changed()
    {
        const int ReadOnly = TestGuest.ReadOnly;
        Assert.Equal(Errno.Rofs, guest.CreateDirectory("new", ReadOnly));
        Assert.Equal(Errno.Rofs, guest.RemoveDirectory("folder", ReadOnly));
        Assert.Equal(Errno.Rofs, guest.Unlink("file", ReadOnly));
        Assert.Equal(Errno.Rofs, guest.Symlink("file", "new", ReadOnly));
        Assert.Equal(Errno.Rofs, guest.SetTimes("file", 0, 0, TimestampFlags.Access | TimestampFlags.Modification, directory: ReadOnly));
        Assert.Equal(Errno.Rofs, guest.Rename("file", "new", ReadOnly, ReadOnly));
        Assert.Equal(Errno.Rofs, guest.Link("file", "new", false, ReadOnly, ReadOnly));
    }

    [Fact]
    public void Nothing_is_linked_or_moved_out_of_it_or_into_it()
    {
        const int ReadOnly = TestGuest.ReadOnly;
        const int Writable = TestGuest.Writable;
        Assert.Equal(Errno.Rofs, guest.Rename("file", "stolen", ReadOnly, Writable));
        Assert.Equal(Errno.Rofs, guest.Rename("folder", "stolen", ReadOnly, Writable));
        Assert.Equal(Errno.Rofs, guest.Rename("file", "file", Writable, ReadOnly));
        Assert.Equal(Errno.Rofs, guest.Link("file", "stolen", false, ReadOnly, Writable));
        Assert.Equal(Errno.Rofs, guest.Link("link", "stolen", true, ReadOnly, Writable));
        Assert.Equal(Errno.Rofs, guest.Link("file", "planted", false, Writable, ReadOnly));
    }

    [Fact]
    public void Descendants_renumbered_descriptors_and_open_files_stay_read_only()
    {
        var folder = guest.MustOpen("folder", OpenFlags.Directory, RightsSets.All, TestGuest.ReadOnly);
        Assert.Equal(Errno.Rofs, guest.Open("file", out _, rights: Rights.FdWrite, directory: folder));
        Assert.Equal(Errno.Rofs, guest.Unlink("file", folder));
        Assert.Equal(Errno.Rofs, guest.Context.FdFilestatSetTimes(folder, 0, 0, (uint)TimestampFlags.Modification));

        var spare = guest.MustOpen("file");
        Assert.Equal(Errno.Success, guest.Context.FdRenumber(folder, spare));
        Assert.Equal(Errno.Rofs, guest.Unlink("file", spare));
        Assert.Equal(Errno.Notcapable, guest.Context.FdFdstatSetRights(spare, ulong.MaxValue, ulong.MaxValue));
        Assert.Equal(Errno.Rofs, guest.CreateDirectory("new", spare));

        // Even over the writable folder's number.
        Assert.Equal(Errno.Success, guest.Context.FdRenumber(TestGuest.ReadOnly, TestGuest.Writable));
        Assert.Equal(Errno.Rofs, guest.CreateDirectory("new", TestGuest.Writable));

        var file = guest.MustOpen("file", rights: (RightsSets.File & ~RightsSets.NeedWriting) | Rights.FdFilestatSetTimes);
        Assert.Equal(Errno.Rofs, guest.Context.FdFilestatSetTimes(file, 0, 0, (uint)TimestampFlags.Modification));
        Assert.Equal(Errno.Notcapable, guest.Context.FdAllocate(file, 0, 10));
        Assert.Equal(Errno.Notcapable, guest.Context.FdFilestatSetSize(file, 0));
        Assert.Equal(Errno.Notcapable, guest.Write(file, "x"));
    }
}
