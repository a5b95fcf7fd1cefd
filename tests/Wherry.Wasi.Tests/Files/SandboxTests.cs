using System.Runtime.InteropServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Paths;

namespace Wherry.Wasi.Tests.Files;

/// <summary>Ways out of the folder that a guest was given, and what each must answer. Run for both ways of resolving paths.</summary>
public abstract class SandboxTests : IDisposable
{
    private readonly TestGuest guest;

    protected SandboxTests(bool usesKernel)
    {
        if (usesKernel && !KernelPathResolver.IsSupported)
        {
            Assert.Skip("The kernel has no openat2 (Linux 5.6), or a filter forbids it.");
        }

        guest = new TestGuest(usesKernel ? PathResolution.Kernel : PathResolution.Components);
    }

    public static TheoryData<string> PathsThatLeadOut => new(
        "..",
        "../",
        "../.",
        "../outside/secret",
        "../inside/file",
        "folder/../../outside/secret",
        "folder/../../inside",
        "./..//outside/secret",
        "/",
        "/etc/passwd",
        "//etc/passwd",
        "folder/deep/../../../outside/secret",
        "../../../../../../../../../../etc/passwd");

    public static TheoryData<string, string> LinksThatLeadOut => new()
    {
        { "../outside/secret", "link" },
        { "../outside", "link/secret" },
        { "../outside/", "link/secret" },
        { "/etc/passwd", "link" },
        { "/", "link/etc/passwd" },
        { "/proc/self/root", "link/etc/passwd" },
        { "/proc/self/cwd", "link/x" },
        { "..", "link/outside/secret" },
        { ".", "link/../outside/secret" },
        { "folder/../..", "link/outside/secret" },
        { "folder/../../outside/secret", "link" },
        { "../inside/file", "link" },
    };

    public void Dispose()
    {
        guest.Dispose();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [MemberData(nameof(PathsThatLeadOut))]
    public void A_path_that_leads_out_is_refused_by_every_function(string path)
    {
        Prepare();
        RefuseAll(path, Errno.Notcapable);
    }

    [Theory]
    [MemberData(nameof(LinksThatLeadOut))]
    public void A_link_that_leads_out_is_refused_by_every_function_that_follows_it(string target, string path)
    {
        Prepare();
        File.CreateSymbolicLink(Path.Combine(guest.Inside, "link"), target);
        Assert.Equal(Errno.Notcapable, guest.Open(path, out _));
        Assert.Equal(Errno.Notcapable, guest.Open(path, out _, OpenFlags.Directory));
        Assert.Equal(Errno.Notcapable, guest.Open(path, out _, OpenFlags.Create, Rights.FdWrite));
        Assert.Equal(Errno.Notcapable, guest.Open(path, out _, OpenFlags.Truncate, Rights.FdWrite));
        Assert.Equal(Errno.Notcapable, guest.Status(path, out _));
        Assert.Equal(Errno.Notcapable, guest.SetTimes(path, 1, 1, TimestampFlags.Access | TimestampFlags.Modification));
        Assert.Equal(Errno.Notcapable, guest.Link(path, "stolen", follow: true));
        if (path != "link")
        {
            // Beyond the link: not to follow the last component doesn't help.
            Assert.Equal(Errno.Notcapable, guest.Status(path, out _, follow: false));
            Assert.Equal(Errno.Notcapable, guest.Open(path, out _, follow: false));
        }

        if (path.StartsWith("link/", StringComparison.Ordinal) && path.Length > 5)
        {
            RefuseAll(path, Errno.Notcapable);
        }

        UnchangedOutside();
    }

    [Fact]
    public void A_slash_after_a_link_does_not_lead_out()
    {
        Prepare();
        File.CreateSymbolicLink(Path.Combine(guest.Inside, "link"), "../outside");
        foreach (var path in (string[])["link/", "link//", "link/.", "./link/", "folder/../link/"])
        {
            Assert.Equal(Errno.Notcapable, guest.Status(path, out _, follow: false));
            Assert.Equal(Errno.Notcapable, guest.Open(path, out _, OpenFlags.Directory, follow: false));
            Assert.Equal(Errno.Notcapable, guest.SetTimes(path, 1, 1, TimestampFlags.Access | TimestampFlags.Modification, follow: false));
            Assert.NotEqual(Errno.Success, guest.RemoveDirectory(path));
            Assert.NotEqual(Errno.Success, guest.Unlink(path));
            Assert.NotEqual(Errno.Success, guest.CreateDirectory(path));
            Assert.NotEqual(Errno.Success, guest.Rename(path, "moved"));
            Assert.NotEqual(Errno.Success, guest.Rename("folder", path));
            Assert.NotEqual(Errno.Success, guest.Link(path, "linked"));
            Assert.NotEqual(Errno.Success, guest.Link("file", path));
            Assert.NotEqual(Errno.Success, guest.Symlink("x", path));
            Assert.NotEqual(Errno.Success, guest.ReadLink(path, out _));
        }

        UnchangedOutside();
    }

    [Fact]
    public void A_dangling_link_that_leads_out_creates_nothing_outside()
    {
        Prepare();
        File.CreateSymbolicLink(Path.Combine(guest.Inside, "link"), "../outside/new");
        Assert.Equal(Errno.Notcapable, guest.Open("link", out _, OpenFlags.Create, Rights.FdWrite));
        Assert.Equal(Errno.Exist, guest.Open("link", out _, OpenFlags.Create | OpenFlags.Exclusive, Rights.FdWrite));
        Assert.Equal(Errno.Exist, guest.CreateDirectory("link"));
        Assert.Equal(Errno.Exist, guest.CreateDirectory("link/"));
        Assert.False(Path.Exists(Path.Combine(guest.Outside, "new")));
    }

    [Fact]
    public void Links_inside_are_followed()
    {
        Prepare();
        File.CreateSymbolicLink(Path.Combine(guest.Inside, "a"), "folder/../b");
        File.CreateSymbolicLink(Path.Combine(guest.Inside, "b"), "./folder/deep/../../file");
        File.CreateSymbolicLink(Path.Combine(guest.Inside, "up"), "folder/deep/..");
        File.CreateSymbolicLink(Path.Combine(guest.Inside, "folder/back"), "../file");
        File.CreateSymbolicLink(Path.Combine(guest.Inside, "dangling"), "folder/created");
        Assert.Equal("inside", guest.ReadFile("a"));
        Assert.Equal("inside", guest.ReadFile("up/back"));
        Assert.Equal("inside", guest.ReadFile("up//back"));
        Assert.Equal("inside", guest.ReadFile("up/../file"));
        Assert.Equal(Errno.Loop, guest.Open("a", out _, follow: false));
        Assert.Equal(Errno.Notdir, guest.Open("a/", out _));
        Assert.Equal(Errno.Success, guest.Open("dangling", out _, OpenFlags.Create, Rights.FdWrite));
        Assert.True(File.Exists(Path.Combine(guest.Inside, "folder/created")));
        Assert.Equal(Errno.Success, guest.Open("up", out _, OpenFlags.Directory));
        Assert.Equal(Errno.Success, guest.Open("up/", out _, OpenFlags.Directory, follow: false));
    }

    [Fact]
    public void Links_in_a_circle_end_with_an_error()
    {
        File.CreateSymbolicLink(Path.Combine(guest.Inside, "self"), "self");
        File.CreateSymbolicLink(Path.Combine(guest.Inside, "a"), "b/x");
        File.CreateSymbolicLink(Path.Combine(guest.Inside, "b"), "a/x");
        Assert.Equal(Errno.Loop, guest.Open("self", out _));
        Assert.Equal(Errno.Loop, guest.Open("self/x", out _));
        Assert.Equal(Errno.Loop, guest.Open("a", out _));
        Assert.Equal(Errno.Loop, guest.Status("a", out _));
        Assert.Equal(Errno.Success, guest.Status("self", out var status, follow: false));
        Assert.Equal(FileType.SymbolicLink, status.FileType);
    }

    [Fact]
    public void Magic_links_of_proc_are_not_followed_even_in_a_given_folder()
    {
        using var guest = new TestGuest(
            this is KernelSandboxTests ? PathResolution.Kernel : PathResolution.Components,
            options => options with { Directories = [new("/proc", "/proc/self")] });
        foreach (var path in (string[])["root/etc/passwd", "cwd/", "exe", "fd/0", "root", "task/../root/etc"])
        {
            var errno = guest.Open(path, out _);
            Assert.True(errno is Errno.Notcapable or Errno.Loop or Errno.Noent, $"{path}: {errno}");
            errno = guest.Status(path, out var status);
            Assert.True(errno is Errno.Notcapable or Errno.Loop or Errno.Noent, $"{path}: {errno} {status.FileType}");
        }
    }

    [Fact]
    public void A_renamed_folder_keeps_its_guest_inside()
    {
        Prepare();
        Assert.Equal(Errno.Success, guest.Open("folder/deep", out var deep, OpenFlags.Directory));
        Directory.Move(Path.Combine(guest.Inside, "folder/deep"), Path.Combine(guest.Outside, "deep"));
        Directory.Move(guest.Inside, Path.Combine(guest.Root, "renamed"));
        Assert.Equal("inside", guest.ReadFile("file"));
        Assert.Equal(Errno.Notcapable, guest.Open("../outside/secret", out _));
        Assert.Equal(Errno.Notcapable, guest.Open("../secret", out _, directory: deep));
        Assert.Equal(Errno.Notcapable, guest.Open("..", out _, OpenFlags.Directory, directory: deep));
    }

    [Fact]
    public void A_folder_opened_by_the_guest_is_the_top_of_what_is_reached_from_it()
    {
        Prepare();
        Assert.Equal(Errno.Success, guest.Open("folder", out var folder, OpenFlags.Directory));
        Assert.Equal(Errno.Notcapable, guest.Open("../file", out _, directory: folder));
        Assert.Equal(Errno.Success, guest.Open("deep/..", out _, OpenFlags.Directory, directory: folder));
    }

    [Fact]
    public async Task Links_swapped_by_another_thread_never_lead_out()
    {
        Prepare();
        var target = Path.Combine(guest.Inside, "swapped");
        var links = Directory.CreateDirectory(Path.Combine(guest.Root, "links")).FullName;
        var good = Path.Combine(links, "good");
        Directory.CreateDirectory(target);
        File.WriteAllText(Path.Combine(target, "secret"), "inside");
        Directory.CreateDirectory(Path.Combine(guest.Inside, "swap2"));
        using var stop = new CancellationTokenSource();
        var swapper = Task.Run(() =>
        {
            // The folder goes away and a link out takes its place, and back.
            while (!stop.IsCancellationRequested)
            {
                Directory.Move(target, good);
                File.CreateSymbolicLink(target, "../outside");
                File.Delete(target);
                Directory.Move(good, target);
            }
        });
        try
        {
            for (var i = 0; i < 3000; i++)
            {
                if (guest.Open("swapped/secret", out var fd) == Errno.Success)
                {
                    Assert.Equal(Errno.Success, guest.Read(fd, out var text));
                    Assert.Equal("inside", text);
                    guest.Context.FdClose(fd);
                }

                if (guest.Open("swapped", out fd, OpenFlags.Directory) == Errno.Success)
                {
                    Assert.Equal(Errno.Noent, guest.Open("outside-only", out _, directory: fd));
                    guest.Context.FdClose(fd);
                }

                if (guest.Open("swapped/../file", out fd) == Errno.Success)
                {
                    Assert.Equal(Errno.Success, guest.Read(fd, out var text));
                    Assert.Equal("inside", text);
                    guest.Context.FdClose(fd);
                }

                guest.Open("swapped/created", out fd, OpenFlags.Create, Rights.FdWrite);
                guest.Context.FdClose(fd);
                guest.Unlink("swapped/created");
                guest.SetTimes("swapped/secret", 1, 1, TimestampFlags.Access | TimestampFlags.Modification);
                guest.Rename("swapped/secret", "swapped/secret");
                guest.CreateDirectory("swapped/made");
                guest.RemoveDirectory("swapped/made");
                if (guest.Unlink("swapped/stolen") == Errno.Success || guest.Link("swapped/outside-only", "stolen") == Errno.Success)
                {
                    Assert.Fail("A file outside was touched.");
                }
            }
        }
        finally
        {
            await stop.CancelAsync();
            await swapper;
        }

        UnchangedOutside();
    }

    [Fact]
    public void Names_and_paths_that_are_too_long_or_malformed_have_their_errors()
    {
        Prepare();
        Assert.Equal(Errno.Nametoolong, guest.Open(new string('a', 256), out _));
        Assert.Equal(Errno.Noent, guest.Open(new string('a', 255), out _));
        Assert.Equal(Errno.Nametoolong, guest.CreateDirectory(new string('a', 256)));
        Assert.Equal(Errno.Nametoolong, guest.CreateDirectory(new string('a', 300)));
        Assert.Equal(Errno.Nametoolong, guest.Open(string.Concat(Enumerable.Repeat("./", 2048)), out _));
        Assert.Equal(Errno.Success, guest.Open(string.Concat(Enumerable.Repeat("./", 2047)) + ".", out _, OpenFlags.Directory));
        Assert.Equal(Errno.Noent, guest.Open("", out _));
        Assert.Equal(Errno.Noent, guest.CreateDirectory(""));
        Assert.Equal(Errno.Inval, guest.Open("file\0", out _));
        var (address, length) = guest.Put([0xC3, 0x28]);
        Assert.Equal(Errno.Ilseq, guest.Context.PathCreateDirectory(guest.Call, TestGuest.Writable, address, length));
        Assert.Equal(Errno.Fault, guest.Context.PathCreateDirectory(guest.Call, TestGuest.Writable, TestGuest.MemorySize - 1, 2));
        Assert.Equal(Errno.Fault, guest.Context.PathCreateDirectory(guest.Call, TestGuest.Writable, uint.MaxValue, uint.MaxValue));
    }

    [Fact]
    public void Dots_are_no_names_to_act_on()
    {
        Prepare();
        Assert.Equal(Errno.Exist, guest.CreateDirectory("."));
        Assert.Equal(Errno.Exist, guest.CreateDirectory("folder/.."));
        Assert.Equal(Errno.Inval, guest.RemoveDirectory("folder/."));
        Assert.Equal(Errno.Notempty, guest.RemoveDirectory("folder/deep/.."));
        Assert.Equal(Errno.Isdir, guest.Unlink("folder/."));
        Assert.Equal(Errno.Busy, guest.Rename("folder/.", "x"));
        Assert.Equal(Errno.Busy, guest.Rename("folder", "."));
        Assert.Equal(Errno.Exist, guest.Symlink("x", "folder/."));
        Assert.Equal(Errno.Perm, guest.Link(".", "x"));
        Assert.Equal(Errno.Exist, guest.Link("file", "folder/.."));
        Assert.Equal(Errno.Inval, guest.ReadLink(".", out _));
        Assert.Equal(Errno.Success, guest.Status(".", out var status));
        Assert.Equal(FileType.Directory, status.FileType);
    }

    [Fact]
    public void A_trailing_slash_asks_for_a_folder()
    {
        Prepare();
        Assert.Equal(Errno.Notdir, guest.Open("file/", out _));
        Assert.Equal(Errno.Isdir, guest.Open("new/", out _, OpenFlags.Create, Rights.FdWrite));
        Assert.Equal(Errno.Notdir, guest.Status("file/", out _));
        Assert.Equal(Errno.Notdir, guest.Unlink("file/"));
        Assert.Equal(Errno.Isdir, guest.Unlink("folder/"));
        Assert.Equal(Errno.Notdir, guest.Rename("file/", "x"));
        Assert.Equal(Errno.Notdir, guest.Rename("file", "x/"));
        Assert.Equal(Errno.Notdir, guest.Link("file/", "x"));
        Assert.Equal(Errno.Noent, guest.Link("file", "x/"));
        Assert.Equal(Errno.Noent, guest.Symlink("file", "x/"));
        Assert.Equal(Errno.Exist, guest.Symlink("file", "folder/"));
        Assert.Equal(Errno.Notdir, guest.ReadLink("file/", out _));
        Assert.Equal(Errno.Success, guest.CreateDirectory("made/"));
        Assert.Equal(Errno.Success, guest.Rename("made/", "moved/"));
        Assert.Equal(Errno.Success, guest.RemoveDirectory("moved/"));
        Assert.Equal(Errno.Success, guest.Status("folder/", out _));
        Assert.Equal(Errno.Success, guest.Status("folder//", out _, follow: false));
    }

    private void Prepare()
    {
        File.WriteAllText(Path.Combine(guest.Inside, "file"), "inside");
        Directory.CreateDirectory(Path.Combine(guest.Inside, "folder", "deep"));
        File.WriteAllText(Path.Combine(guest.Outside, "outside-only"), "secret");
        File.SetLastWriteTimeUtc(Path.Combine(guest.Outside, "secret"), DateTime.UnixEpoch.AddDays(1));
        File.SetLastWriteTimeUtc(Path.Combine(guest.Outside, "outside-only"), DateTime.UnixEpoch.AddDays(1));
    }

    private void RefuseAll(string path, Errno expected)
    {
        Assert.Equal(expected, guest.Open(path, out _));
        Assert.Equal(expected, guest.Open(path, out _, OpenFlags.Directory));
        Assert.Equal(expected, guest.Open(path, out _, follow: false));
        Assert.Equal(expected, guest.Status(path, out _));
        Assert.Equal(expected, guest.Status(path, out _, follow: false));
        Assert.Equal(expected, guest.SetTimes(path, 1, 1, TimestampFlags.Access | TimestampFlags.Modification));
        Assert.Equal(expected, guest.CreateDirectory(path));
        Assert.Equal(expected, guest.RemoveDirectory(path));
        Assert.Equal(expected, guest.Unlink(path));
        Assert.Equal(expected, guest.ReadLink(path, out _));
        Assert.Equal(expected, guest.Symlink("x", path));
        Assert.Equal(expected, guest.Link(path, "stolen"));
        Assert.Equal(expected, guest.Link("file", path));
        Assert.Equal(expected, guest.Rename(path, "stolen"));
        Assert.Equal(expected, guest.Rename("file", path));
        UnchangedOutside();
    }

    private void UnchangedOutside()
    {
        Assert.Equal(["outside-only", "secret"], Directory.GetFileSystemEntries(guest.Outside).Select(Path.GetFileName).Order());
        Assert.Equal("secret", File.ReadAllText(Path.Combine(guest.Outside, "secret")));
        Assert.Equal(DateTime.UnixEpoch.AddDays(1), File.GetLastWriteTimeUtc(Path.Combine(guest.Outside, "secret")));
        Assert.False(Path.Exists(Path.Combine(guest.Inside, "stolen")));
    }
}

/// <summary>The kernel keeps paths inside.</summary>
public sealed class KernelSandboxTests() : SandboxTests(usesKernel: true);

/// <summary>We keep paths inside.</summary>
public sealed class ComponentSandboxTests() : SandboxTests(usesKernel: false);
