using Wherry.Wasi.Abi;

namespace Wherry.Wasi.Tests.Files;

/// <summary>The functions on open files and on paths, each with what it does and the errors it has.</summary>
public sealed class FileFunctionTests : IDisposable
{
    private const Rights Both = RightsSets.File;
    private readonly TestGuest guest = new();

    private WasiContext Context => guest.Context;

    public void Dispose() => guest.Dispose();

    [Fact]
    public void A_file_is_created_written_read_and_found_on_the_host()
    {
        var fd = guest.MustOpen("file", OpenFlags.Create, Both);
        Assert.Equal(Errno.Success, guest.Write(fd, "hello"));
        Assert.Equal(5u, guest.Get<uint>());
        Assert.Equal(Errno.Success, Seek(fd, 1, Whence.Set, out var position));
        Assert.Equal(1u, position);
        Assert.Equal(Errno.Success, guest.Read(fd, out var text));
        Assert.Equal("ello", text);
        Assert.Equal(Errno.Success, guest.Read(fd, out text));
        Assert.Equal("", text);
        Assert.Equal(Errno.Success, Context.FdClose(fd));
        Assert.Equal(Errno.Badf, Context.FdClose(fd));
        Assert.Equal("hello", File.ReadAllText(Path.Combine(guest.Inside, "file")));
    }

    [Fact]
    public void Scattered_reads_and_gathered_writes_take_the_buffers_in_order()
    {
        var fd = guest.MustOpen("file", OpenFlags.Create, Both);
        var list = guest.Buffers(guest.Put("ab"), (0u, 0u), guest.Put("cde"));
        Assert.Equal(Errno.Success, guest.WriteBuffers(fd, list, 3, TestGuest.Result));
        Assert.Equal(5u, guest.Get<uint>());
        Seek(fd, 0, Whence.Set, out _);
        var first = guest.Reserve(3);
        var second = guest.Reserve(8);
        Assert.Equal(Errno.Success, guest.ReadBuffers(fd, guest.Buffers((first, 3u), (second, 8u)), 2, TestGuest.Result));
        Assert.Equal(5u, guest.Get<uint>());
        Assert.Equal("abc", guest.GetText(first, 3));
        Assert.Equal("de", guest.GetText(second, 2));
    }

    [Fact]
    public void Bad_buffers_are_refused_before_anything_is_read_or_written()
    {
        var fd = guest.MustOpen("file", OpenFlags.Create, Both);
        const uint End = TestGuest.MemorySize;
        Assert.Equal(Errno.Fault, guest.WriteBuffers(fd, guest.Buffers((End - 1, 2u)), 1, TestGuest.Result));
        Assert.Equal(Errno.Fault, guest.WriteBuffers(fd, guest.Buffers(guest.Put("x"), (uint.MaxValue, 1u)), 2, TestGuest.Result));
        Assert.Equal(Errno.Fault, guest.WriteBuffers(fd, guest.Buffers((1u, uint.MaxValue)), 1, TestGuest.Result));
        Assert.Equal(Errno.Fault, guest.WriteBuffers(fd, End - 4, 1, TestGuest.Result));
        Assert.Equal(Errno.Fault, guest.WriteBuffers(fd, guest.Buffers(guest.Put("x")), 1, End - 3));
        Assert.Equal(Errno.Fault, guest.PwriteBuffers(fd, guest.Buffers(guest.Put("x")), 1, 0, End - 3));
        Assert.Equal(Errno.Inval, guest.WriteBuffers(fd, 0, 1025, TestGuest.Result));
        Assert.Equal(Errno.Inval, guest.ReadBuffers(fd, 0, uint.MaxValue, TestGuest.Result));
        Assert.Equal(Errno.Success, guest.WriteBuffers(fd, 0, 0, TestGuest.Result));
        Assert.Equal(0u, guest.Get<uint>());
        Assert.Equal(Errno.Fault, guest.ReadBuffers(fd, guest.Buffers((0u, 8u)), 1, End - 3));
        Assert.Equal(Errno.Badf, guest.ReadBuffers(99, guest.Buffers((0u, 8u)), 1, TestGuest.Result));
        Assert.Equal(Errno.Badf, guest.ReadBuffers(-1, guest.Buffers((0u, 8u)), 1, TestGuest.Result));
        Assert.Equal(0, new FileInfo(Path.Combine(guest.Inside, "file")).Length);

        // 1024 are allowed.
        var many = new (uint, uint)[1024];
        Array.Fill(many, guest.Put("z"));
        Assert.Equal(Errno.Success, guest.WriteBuffers(fd, guest.Buffers(many), 1024, TestGuest.Result));
        Assert.Equal(1024u, guest.Get<uint>());
    }

    [Fact]
    public void Reads_and_writes_at_an_offset_leave_the_position_alone()
    {
        var fd = guest.MustOpen("file", OpenFlags.Create, Both);
        guest.Write(fd, "0123456789");
        var (address, length) = guest.Put("xy");
        Assert.Equal(Errno.Success, guest.PwriteBuffers(fd, guest.Buffers((address, length)), 1, 3, TestGuest.Result));
        var buffer = guest.Reserve(4);
        Assert.Equal(Errno.Success, Context.FdPread(guest.Call, fd, guest.Buffers((buffer, 4u)), 1, 2, TestGuest.Result));
        Assert.Equal("2xy5", guest.GetText(buffer, 4));
        Assert.Equal(Errno.Success, Context.FdTell(guest.Call, fd, TestGuest.Result));
        Assert.Equal(10u, guest.Get<ulong>());
        Assert.Equal(Errno.Inval, Context.FdPread(guest.Call, fd, guest.Buffers((buffer, 4u)), 1, ulong.MaxValue, TestGuest.Result));
        Assert.Equal(Errno.Inval, guest.PwriteBuffers(fd, guest.Buffers((buffer, 4u)), 1, 1UL << 63, TestGuest.Result));
    }

    [Fact]
    public void Seek_knows_three_origins_and_refuses_the_rest()
    {
        var fd = guest.MustOpen("file", OpenFlags.Create, Both);
        guest.Write(fd, "0123456789");
        Assert.Equal(Errno.Success, Seek(fd, -4, Whence.End, out var position));
        Assert.Equal(6u, position);
        Assert.Equal(Errno.Success, Seek(fd, 2, Whence.Current, out position));
        Assert.Equal(8u, position);
        Assert.Equal(Errno.Inval, Seek(fd, -1, Whence.Set, out _));
        Assert.Equal(Errno.Inval, Seek(fd, 0, (Whence)3, out _));
        Assert.Equal(Errno.Fault, Context.FdSeek(guest.Call, fd, 0, 0, TestGuest.MemorySize - 7));
        var tells = guest.MustOpen("file", rights: Rights.FdTell);
        Assert.Equal(Errno.Success, Seek(tells, 0, Whence.Current, out _));
        Assert.Equal(Errno.Notcapable, Seek(tells, 1, Whence.Current, out _));
        var folder = guest.MustOpen(".", OpenFlags.Directory);
        Assert.Equal(Errno.Notcapable, Seek(folder, 0, Whence.Set, out _));
    }

    [Fact]
    public void Appending_files_write_at_the_end()
    {
        File.WriteAllText(Path.Combine(guest.Inside, "file"), "first");
        var fd = guest.MustOpen("file", rights: Both, descriptorFlags: FileDescriptorFlags.Append);
        guest.Write(fd, "+");
        Assert.Equal(Errno.Success, Context.FdFdstatSetFlags(fd, 0));
        Seek(fd, 0, Whence.Set, out _);
        guest.Write(fd, "F");
        Assert.Equal(Errno.Success, Context.FdFdstatSetFlags(fd, (uint)FileDescriptorFlags.Append));
        guest.Write(fd, "!");
        Assert.Equal("First+!", File.ReadAllText(Path.Combine(guest.Inside, "file")));
        Assert.Equal(Errno.Success, Context.FdFdstatGet(guest.Call, fd, TestGuest.Result));
        Assert.Equal(FileDescriptorFlags.Append, guest.Get<FileDescriptorStatus>().Flags);
        Assert.Equal(Errno.Inval, Context.FdFdstatSetFlags(fd, 32));
        Assert.Equal(Errno.Notsup, Context.FdFdstatSetFlags(fd, (uint)FileDescriptorFlags.Sync));
    }

    [Fact]
    public void Open_flags_do_what_they_say()
    {
        Assert.Equal(Errno.Noent, guest.Open("file", out _));
        Assert.Equal(Errno.Success, guest.Open("file", out var fd, OpenFlags.Create | OpenFlags.Exclusive, Both));
        Assert.Equal(Errno.Exist, guest.Open("file", out _, OpenFlags.Create | OpenFlags.Exclusive, Both));
        guest.Write(fd, "content");
        Assert.Equal(Errno.Notdir, guest.Open("file", out _, OpenFlags.Directory));
        Assert.Equal(Errno.Notdir, guest.Open("file/x", out _));
        Assert.Equal(Errno.Isdir, guest.Open(".", out _, rights: Rights.FdWrite));
        Assert.Equal(Errno.Inval, guest.Open(".", out _, OpenFlags.Directory | OpenFlags.Create));
        Assert.Equal(Errno.Inval, guest.Open("file", out _, (OpenFlags)16));
        Assert.Equal(Errno.Inval, guest.Open("file", out _, descriptorFlags: (FileDescriptorFlags)32));
        Assert.Equal(Errno.Success, guest.Open("file", out _, OpenFlags.Truncate, Both));
        Assert.Equal(0, new FileInfo(Path.Combine(guest.Inside, "file")).Length);
        Assert.Equal(Errno.Badf, guest.Open("file", out _, directory: 77));
        Assert.Equal(Errno.Notdir, guest.Open("file", out _, directory: fd));
        Assert.Equal(Errno.Success, guest.Open("file", out _, rights: Both, descriptorFlags: FileDescriptorFlags.Sync | FileDescriptorFlags.DataSync));
    }

    [Fact]
    public void Rights_shrink_and_never_grow()
    {
        File.WriteAllText(Path.Combine(guest.Inside, "file"), "x");
        var fd = guest.MustOpen("file", rights: Rights.FdRead | Rights.FdSeek);
        Assert.Equal(Errno.Notcapable, guest.Write(fd, "y"));
        Assert.Equal(Errno.Notcapable, Context.FdFdstatSetRights(fd, (ulong)(Rights.FdRead | Rights.FdWrite), 0));
        Assert.Equal(Errno.Success, Context.FdFdstatSetRights(fd, (ulong)Rights.FdSeek, 0));
        Assert.Equal(Errno.Notcapable, guest.Read(fd, out _));
        Assert.Equal(Errno.Notcapable, Context.FdFdstatSetRights(fd, (ulong)(Rights.FdRead | Rights.FdSeek), 0));
        Assert.Equal(Errno.Badf, Context.FdFdstatSetRights(50, 0, 0));

        Assert.Equal(Errno.Success, guest.Open(".", out var folder, OpenFlags.Directory, RightsSets.Directory, inheriting: Rights.FdRead));
        Assert.Equal(Errno.Success, guest.Open("file", out _, rights: Rights.FdRead, directory: folder, inheriting: Rights.None));
        Assert.Equal(Errno.Notcapable, guest.Open("file", out _, rights: Rights.FdWrite, directory: folder, inheriting: Rights.None));
        Assert.Equal(Errno.Notcapable, guest.Open("file", out _, rights: Rights.FdRead, directory: folder, inheriting: Rights.FdWrite));
        Assert.Equal(Errno.Success, Context.FdFdstatSetRights(folder, (ulong)Rights.PathOpen, (ulong)Rights.FdRead));
        Assert.Equal(Errno.Notcapable, guest.Open("new", out _, OpenFlags.Create, Rights.FdRead, folder, inheriting: Rights.None));
        Assert.Equal(Errno.Notcapable, guest.Open("file", out _, OpenFlags.Truncate, Rights.FdRead, folder, inheriting: Rights.None));
        Assert.Equal(Errno.Notcapable, guest.CreateDirectory("d", folder));
        Assert.Equal(Errno.Notcapable, guest.RemoveDirectory("d", folder));
        Assert.Equal(Errno.Notcapable, guest.Unlink("file", folder));
        Assert.Equal(Errno.Notcapable, guest.Status("file", out _, directory: folder));
        Assert.Equal(Errno.Notcapable, guest.SetTimes("file", 0, 0, 0, directory: folder));
        Assert.Equal(Errno.Notcapable, guest.Symlink("file", "s", folder));
        Assert.Equal(Errno.Notcapable, guest.ReadLink("file", out _, directory: folder));
        Assert.Equal(Errno.Notcapable, guest.Rename("file", "s", folder, TestGuest.Writable));
        Assert.Equal(Errno.Notcapable, guest.Rename("file", "s", TestGuest.Writable, folder));
        Assert.Equal(Errno.Notcapable, guest.Link("file", "s", false, folder, TestGuest.Writable));
        Assert.Equal(Errno.Notcapable, guest.Link("file", "s", false, TestGuest.Writable, folder));
        Assert.Equal(Errno.Notcapable, Context.FdReaddir(guest.Call, folder, 0, 100, 0, TestGuest.Result));
        Assert.Equal(Errno.Notcapable, Context.FdSync(folder));
    }

    [Fact]
    public void Rights_that_do_not_apply_are_dropped()
    {
        var fd = guest.MustOpen("file", OpenFlags.Create, RightsSets.All);
        Assert.Equal(Errno.Success, Context.FdFdstatGet(guest.Call, fd, TestGuest.Result));
        var status = guest.Get<FileDescriptorStatus>();
        Assert.Equal(FileType.RegularFile, status.FileType);
        Assert.Equal(RightsSets.File, status.Rights);
        var folder = guest.MustOpen(".", OpenFlags.Directory, RightsSets.All);
        Assert.Equal(Errno.Success, Context.FdFdstatGet(guest.Call, folder, TestGuest.Result));
        status = guest.Get<FileDescriptorStatus>();
        Assert.Equal(FileType.Directory, status.FileType);
        Assert.Equal(RightsSets.Directory, status.Rights);
        Assert.Equal(Errno.Isdir, guest.Read(folder, out _));
        Assert.Equal(Errno.Isdir, guest.Write(folder, "x"));
        Assert.Equal(Errno.Fault, Context.FdFdstatGet(guest.Call, fd, TestGuest.MemorySize - 23));
    }

    [Fact]
    public void Sizes_and_space_are_changed_within_bounds()
    {
        var fd = guest.MustOpen("file", OpenFlags.Create, Both);
        Assert.Equal(Errno.Success, Context.FdFilestatSetSize(fd, 1000));
        Assert.Equal(Errno.Success, Context.FdFilestatGet(guest.Call, fd, TestGuest.Result));
        Assert.Equal(1000u, guest.Get<FileStatus>().Size);
        Assert.Equal(Errno.Inval, Context.FdFilestatSetSize(fd, ulong.MaxValue));
        Assert.Equal(Errno.Inval, Context.FdAllocate(fd, 0, 0));
        Assert.Equal(Errno.Fbig, Context.FdAllocate(fd, 0, ulong.MaxValue));
        Assert.Equal(Errno.Fbig, Context.FdAllocate(fd, long.MaxValue, long.MaxValue));
        var errno = Context.FdAllocate(fd, 0, 1UL << 62);
        Assert.True(errno is Errno.Fbig or Errno.Nospc or Errno.Notsup, errno.ToString());
        errno = Context.FdAllocate(fd, 1000, 3096);
        if (errno != Errno.Notsup)
        {
            Assert.Equal(Errno.Success, errno);
            Assert.Equal(4096, new FileInfo(Path.Combine(guest.Inside, "file")).Length);
        }
    }

    [Fact]
    public void Advice_is_taken_and_checked()
    {
        var fd = guest.MustOpen("file", OpenFlags.Create, Both);
        for (var advice = 0u; advice <= 5; advice++)
        {
            Assert.Equal(Errno.Success, Context.FdAdvise(fd, 0, 100, advice));
        }

        Assert.Equal(Errno.Inval, Context.FdAdvise(fd, 0, 100, 6));
        Assert.Equal(Errno.Inval, Context.FdAdvise(fd, ulong.MaxValue, 100, 0));
        Assert.Equal(Errno.Badf, Context.FdAdvise(TestGuest.Writable, 0, 100, 0));
        Assert.Equal(Errno.Success, Context.FdSync(fd));
        Assert.Equal(Errno.Success, Context.FdDatasync(fd));
        Assert.Equal(Errno.Success, Context.FdSync(TestGuest.Writable));
        Assert.Equal(Errno.Badf, Context.FdSync(60));
    }

    [Fact]
    public void Times_are_set_to_the_nanosecond_kept_or_set_to_now()
    {
        const ulong Access = 1_000_000_000_123_456_789;
        const ulong Modification = 1_100_000_000_987_654_321;
        var fd = guest.MustOpen("file", OpenFlags.Create, Both);
        Assert.Equal(Errno.Success, guest.SetTimes("file", Access, Modification, TimestampFlags.Access | TimestampFlags.Modification));
        Assert.Equal(Errno.Success, guest.Status("file", out var status));
        Assert.Equal(Access, status.AccessTime);
        Assert.Equal(Modification, status.ModificationTime);
        Assert.Equal(Errno.Success, Context.FdFilestatSetTimes(fd, Access + 1, 0, (uint)TimestampFlags.Access));
        guest.Status("file", out status);
        Assert.Equal(Access + 1, status.AccessTime);
        Assert.Equal(Modification, status.ModificationTime);
        Assert.Equal(Errno.Success, Context.FdFilestatSetTimes(fd, 0, 0, (uint)TimestampFlags.ModificationNow));
        guest.Status("file", out status);
        Assert.True(status.ModificationTime > Modification);
        Assert.Equal(Errno.Inval, Context.FdFilestatSetTimes(fd, 0, 0, (uint)(TimestampFlags.Access | TimestampFlags.AccessNow)));
        Assert.Equal(Errno.Inval, guest.SetTimes("file", 0, 0, TimestampFlags.Modification | TimestampFlags.ModificationNow));
        Assert.Equal(Errno.Inval, guest.SetTimes("file", 0, 0, (TimestampFlags)16));
        Assert.Equal(Errno.Success, Context.FdFilestatSetTimes(TestGuest.Writable, Access, Modification, (uint)(TimestampFlags.Access | TimestampFlags.Modification)));
        Assert.Equal(Errno.Noent, guest.SetTimes("none", 0, 0, 0));

        // A link's own times, not its target's.
        Assert.Equal(Errno.Success, guest.Symlink("file", "link"));
        Assert.Equal(Errno.Success, guest.SetTimes("link", Access, Access, TimestampFlags.Access | TimestampFlags.Modification, follow: false));
        guest.Status("link", out status, follow: false);
        Assert.Equal(FileType.SymbolicLink, status.FileType);
        Assert.Equal(Access, status.ModificationTime);
        guest.Status("link", out status);
        Assert.NotEqual(Access, status.ModificationTime);
    }

    [Fact]
    public void Folders_are_made_removed_and_refused_when_full()
    {
        Assert.Equal(Errno.Success, guest.CreateDirectory("a"));
        Assert.Equal(Errno.Exist, guest.CreateDirectory("a"));
        Assert.Equal(Errno.Success, guest.CreateDirectory("a/b"));
        Assert.Equal(Errno.Noent, guest.CreateDirectory("x/y"));
        Assert.Equal(Errno.Notempty, guest.RemoveDirectory("a"));
        Assert.Equal(Errno.Isdir, guest.Unlink("a"));
        Assert.Equal(Errno.Success, guest.RemoveDirectory("a/b"));
        Assert.Equal(Errno.Success, guest.RemoveDirectory("a"));
        Assert.Equal(Errno.Noent, guest.RemoveDirectory("a"));
        File.WriteAllText(Path.Combine(guest.Inside, "file"), "");
        Assert.Equal(Errno.Notdir, guest.RemoveDirectory("file"));
        Assert.Equal(Errno.Notdir, guest.CreateDirectory("file/x"));
        Assert.Equal(Errno.Success, guest.Unlink("file"));
        Assert.Equal(Errno.Noent, guest.Unlink("file"));
    }

    [Fact]
    public void Links_are_made_read_and_removed()
    {
        File.WriteAllText(Path.Combine(guest.Inside, "file"), "text");
        Assert.Equal(Errno.Success, guest.Symlink("file", "soft"));
        Assert.Equal(Errno.Exist, guest.Symlink("file", "soft"));
        Assert.Equal(Errno.Success, guest.ReadLink("soft", out var target));
        Assert.Equal("file", target);
        Assert.Equal(Errno.Success, guest.ReadLink("soft", out target, size: 2));
        Assert.Equal("fi", target);
        Assert.Equal(Errno.Inval, guest.ReadLink("file", out _));
        Assert.Equal(Errno.Noent, guest.ReadLink("none", out _));
        Assert.Equal(Errno.Notcapable, guest.Symlink("/etc/passwd", "absolute"));
        Assert.Equal(Errno.Noent, guest.Symlink("", "empty"));
        Assert.Equal(Errno.Success, guest.Link("file", "hard"));
        Assert.Equal(Errno.Exist, guest.Link("file", "hard"));
        Assert.Equal(Errno.Noent, guest.Link("none", "x"));
        Assert.Equal(Errno.Perm, guest.Link(".", "x"));
        guest.Status("hard", out var status);
        Assert.Equal(2u, status.LinkCount);
        Assert.Equal(Errno.Success, guest.Link("soft", "soft2"));
        guest.Status("soft2", out status, follow: false);
        Assert.Equal(FileType.SymbolicLink, status.FileType);
        Assert.Equal(Errno.Success, guest.Link("soft", "hard2", follow: true));
        guest.Status("hard2", out status, follow: false);
        Assert.Equal(FileType.RegularFile, status.FileType);
        Assert.Equal(Errno.Success, guest.Unlink("soft"));
        Assert.Equal("text", guest.ReadFile("hard"));
    }

    [Fact]
    public void Files_and_folders_are_renamed()
    {
        File.WriteAllText(Path.Combine(guest.Inside, "a"), "a");
        File.WriteAllText(Path.Combine(guest.Inside, "b"), "b");
        Directory.CreateDirectory(Path.Combine(guest.Inside, "d", "e"));
        Assert.Equal(Errno.Success, guest.Rename("a", "b"));
        Assert.Equal("a", guest.ReadFile("b"));
        Assert.Equal(Errno.Noent, guest.Rename("a", "c"));
        Assert.Equal(Errno.Isdir, guest.Rename("b", "d"));
        Assert.Equal(Errno.Notdir, guest.Rename("d", "b"));
        Assert.Equal(Errno.Inval, guest.Rename("d", "d/e/f"));
        Assert.Equal(Errno.Success, guest.CreateDirectory("full"));
        Assert.Equal(Errno.Success, guest.Rename("b", "full/b"));
        Assert.Equal(Errno.Notempty, guest.Rename("d", "full"));
        Assert.Equal(Errno.Success, guest.Rename("d", "full/d"));
    }

    [Theory]
    [InlineData(300)]
    [InlineData(1000)]
    [InlineData(4096)]
    [InlineData(100_000)]
    public void A_listing_is_whole_with_a_buffer_of_any_size(int size)
    {
        var expected = new List<string> { ".", ".." };
        for (var i = 0; i < 300; i++)
        {
            var name = $"{i}-{new string('n', i % 200)}";
            File.WriteAllText(Path.Combine(guest.Inside, name), "");
            expected.Add(name);
        }

        var fd = guest.MustOpen(".", OpenFlags.Directory);
        var entries = guest.List(fd, (uint)size);
        Assert.Equal(expected.Order(StringComparer.Ordinal), entries.Select(entry => entry.Name).Order(StringComparer.Ordinal));
        guest.Status(expected[7], out var status);
        Assert.Equal(status.Inode, entries.Single(entry => entry.Name == expected[7]).Inode);
        Assert.Equal(0u, entries.Single(entry => entry.Name == "..").Inode);

        // Once more from the start.
        Assert.Equal(302, guest.List(fd, (uint)size).Count);
    }

    [Fact]
    public void A_listing_knows_types_and_cuts_at_the_end_of_the_buffer()
    {
        Directory.CreateDirectory(Path.Combine(guest.Inside, "folder"));
        File.WriteAllText(Path.Combine(guest.Inside, "file"), "");
        File.CreateSymbolicLink(Path.Combine(guest.Inside, "link"), "file");
        var fd = guest.MustOpen(".", OpenFlags.Directory);
        var types = guest.List(fd).ToDictionary(entry => entry.Name, entry => entry.Type);
        Assert.Equal(FileType.Directory, types["folder"]);
        Assert.Equal(FileType.RegularFile, types["file"]);
        Assert.Equal(FileType.SymbolicLink, types["link"]);
        Assert.Equal(FileType.Directory, types["."]);
        for (var size = 0u; size < 60; size++)
        {
            Assert.Equal(Errno.Success, Context.FdReaddir(guest.Call, fd, guest.Reserve(64), size, 0, TestGuest.Result));
            Assert.Equal(size, guest.Get<uint>());
        }

        Assert.Equal(Errno.Inval, Context.FdReaddir(guest.Call, fd, guest.Reserve(64), 64, ulong.MaxValue, TestGuest.Result));
        Assert.Equal(Errno.Fault, Context.FdReaddir(guest.Call, fd, TestGuest.MemorySize - 10, 64, 0, TestGuest.Result));
        Assert.Equal(Errno.Fault, Context.FdReaddir(guest.Call, fd, 0, 64, 0, TestGuest.MemorySize - 3));
        var file = guest.MustOpen("file", rights: RightsSets.All & ~RightsSets.NeedWriting);
        Assert.Equal(Errno.Notcapable, Context.FdReaddir(guest.Call, file, 0, 64, 0, TestGuest.Result));
    }

    [Fact]
    public void Preopened_folders_tell_their_names()
    {
        Assert.Equal(Errno.Success, Context.FdPrestatGet(guest.Call, 3, TestGuest.Result));
        Assert.Equal(0, guest.Get<PreopenStatus>().Tag);
        Assert.Equal(7u, guest.Get<PreopenStatus>().NameLength);
        Assert.Equal(Errno.Success, Context.FdPrestatDirName(guest.Call, 3, 200, 7));
        Assert.Equal("/inside", guest.GetText(200, 7));
        Assert.Equal(Errno.Nametoolong, Context.FdPrestatDirName(guest.Call, 3, 200, 6));
        Assert.Equal(Errno.Fault, Context.FdPrestatDirName(guest.Call, 3, TestGuest.MemorySize - 3, 7));
        Assert.Equal(Errno.Success, Context.FdPrestatGet(guest.Call, 4, TestGuest.Result));
        Assert.Equal(Errno.Badf, Context.FdPrestatGet(guest.Call, 5, TestGuest.Result));
        Assert.Equal(Errno.Badf, Context.FdPrestatGet(guest.Call, 0, TestGuest.Result));
        var fd = guest.MustOpen(".", OpenFlags.Directory);
        Assert.Equal(Errno.Badf, Context.FdPrestatGet(guest.Call, fd, TestGuest.Result));
        Assert.Equal(Errno.Badf, Context.FdPrestatDirName(guest.Call, fd, 200, 100));
    }

    [Fact]
    public void Descriptors_are_renumbered_and_the_lowest_free_number_is_given()
    {
        File.WriteAllText(Path.Combine(guest.Inside, "a"), "a");
        File.WriteAllText(Path.Combine(guest.Inside, "b"), "b");
        var a = guest.MustOpen("a");
        var b = guest.MustOpen("b");
        Assert.Equal(5, a);
        Assert.Equal(6, b);
        Assert.Equal(Errno.Success, Context.FdRenumber(b, a));
        Assert.Equal(Errno.Badf, Context.FdClose(b));
        Assert.Equal(Errno.Success, guest.Read(a, out var text));
        Assert.Equal("b", text);
        Assert.Equal(Errno.Badf, Context.FdRenumber(a, 1000));
        Assert.Equal(Errno.Badf, Context.FdRenumber(1000, a));
        Assert.Equal(Errno.Success, Context.FdRenumber(a, a));
        Assert.Equal(6, guest.MustOpen("a"));
        Assert.Equal(Errno.Success, Context.FdClose(0));
        Assert.Equal(0, guest.MustOpen("a"));
    }

    [Fact]
    public void A_guest_has_only_so_many_descriptors_and_leaks_none_of_the_host()
    {
        using var small = new TestGuest(configure: options => options with { MaximumDescriptors = 8 });
        File.WriteAllText(Path.Combine(small.Inside, "a"), "a");
        for (var i = 5; i < 8; i++)
        {
            Assert.Equal(i, small.MustOpen("a"));
        }

        Assert.Equal(Errno.Mfile, small.Open("a", out _));
        Assert.Equal(Errno.Success, small.Context.FdClose(5));
        Assert.Equal(5, small.MustOpen("a"));
        Assert.Equal(0, OpenHandlesTo(small.Root, () => small.Context.Dispose()));
    }

    [Fact]
    public void Folders_that_cannot_be_given_are_named_in_the_error()
    {
        var missing = Path.Combine(guest.Root, "missing");
        var error = Assert.Throws<IOException>(() => new WasiContext(new WasiOptions { Directories = [new("/x", missing)] }));
        Assert.Contains(missing, error.Message, StringComparison.Ordinal);
        Assert.Contains("does not exist", error.Message, StringComparison.Ordinal);
        var file = Path.Combine(guest.Outside, "secret");
        error = Assert.Throws<IOException>(() => new WasiContext(new WasiOptions { Directories = [new("/x", file)] }));
        Assert.Contains("not a folder", error.Message, StringComparison.Ordinal);
    }

    private static int OpenHandlesTo(string folder, Action dispose)
    {
        Assert.NotEqual(0, Count());
        dispose();
        return Count();

        int Count() => Directory.GetFiles("/proc/self/fd").Count(handle =>
            new FileInfo(handle).LinkTarget?.StartsWith(folder, StringComparison.Ordinal) == true);
    }

    private Errno Seek(int fd, long offset, Whence whence, out ulong position)
    {
        var errno = Context.FdSeek(guest.Call, fd, offset, (uint)whence, TestGuest.Result);
        position = guest.Get<ulong>();
        return errno;
    }
}
