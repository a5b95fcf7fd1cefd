using System.Runtime.InteropServices;
using System.Text;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Paths;

namespace Wherry.Wasi.Tests.Files;

/// <summary>
/// Plays a guest: a context, a memory, and a folder of its own that is gone afterwards. <c>inside</c> is given to the guest as descriptor 3, writable; <c>read-only</c>
/// as 4; <c>outside</c> is what it must not reach.
/// </summary>
internal sealed unsafe class TestGuest : IDisposable
{
    public const uint MemorySize = 1 << 20;
    public const int Writable = 3;
    public const int ReadOnly = 4;

    // Results are written here; paths and data go after.
    public const uint Result = 64;

    private readonly byte* memory = (byte*)NativeMemory.AllocZeroed(MemorySize);
    private uint next = 1024;

    public TestGuest(PathResolution resolution = PathResolution.Automatic, Func<WasiOptions, WasiOptions>? configure = null)
    {
        Root = Directory.CreateTempSubdirectory("wherry-wasi-").FullName;
        Inside = Directory.CreateDirectory(Path.Combine(Root, "inside")).FullName;
        ReadOnlyFolder = Directory.CreateDirectory(Path.Combine(Root, "read-only")).FullName;
        Outside = Directory.CreateDirectory(Path.Combine(Root, "outside")).FullName;
        File.WriteAllText(Path.Combine(Outside, "secret"), "secret");
        var options = new WasiOptions
        {
            StandardInput = Stream.Null,
            StandardOutput = Stream.Null,
            StandardError = Stream.Null,
            Directories = [new("/inside", Inside), new("/read-only", ReadOnlyFolder, IsReadOnly: true)],
            PathResolution = resolution,
        };
        Context = new WasiContext(configure?.Invoke(options) ?? options);
    }

    public string Root { get; }

    public string Inside { get; }

    public string ReadOnlyFolder { get; }

    public string Outside { get; }

    public WasiContext Context { get; }

    public GuestCall Call => CallWith(CancellationToken.None);

    public GuestCall CallWith(CancellationToken token) => new(memory, MemorySize, token);

    public Span<byte> Memory => new(memory, (int)MemorySize);

    /// <summary>Puts bytes into the memory and answers with their address and length.</summary>
    public (uint Address, uint Length) Put(ReadOnlySpan<byte> bytes)
    {
        if (next + bytes.Length > MemorySize)
        {
            next = 1024;
        }

        var address = next;
        bytes.CopyTo(Memory[(int)address..]);
        next += ((uint)bytes.Length + 15) & ~15u;
        return (address, (uint)bytes.Length);
    }

    public (uint Address, uint Length) Put(string text) => Put(Encoding.UTF8.GetBytes(text));

    /// <summary>Reserves bytes.</summary>
    public uint Reserve(int length) => Put(new byte[length]).Address;

    public T Get<T>(uint address = Result) where T : unmanaged => MemoryMarshal.Read<T>(Memory[(int)address..]);

    public string GetText(uint address, uint length) => Encoding.UTF8.GetString(Memory.Slice((int)address, (int)length));

    /// <summary>A list of buffers.</summary>
    public uint Buffers(params ReadOnlySpan<(uint Address, uint Length)> buffers)
    {
        var list = new byte[buffers.Length * 8];
        for (var i = 0; i < buffers.Length; i++)
        {
            BitConverter.TryWriteBytes(list.AsSpan(i * 8), buffers[i].Address);
            BitConverter.TryWriteBytes(list.AsSpan((i * 8) + 4), buffers[i].Length);
        }

        return Put(list).Address;
    }

    public Errno Open(
        string path,
        out int fd,
        OpenFlags flags = OpenFlags.None,
        Rights? rights = null,
        int directory = Writable,
        FileDescriptorFlags descriptorFlags = FileDescriptorFlags.None,
        bool follow = true,
        Rights inheriting = RightsSets.All)
    {
        var (address, length) = Put(path);
        var wanted = rights ?? ((flags & OpenFlags.Directory) != 0 ? RightsSets.Directory : Rights.FdRead | Rights.FdSeek | Rights.FdTell | Rights.FdFilestatGet);
        var errno = Context.PathOpen(
            Call, directory, follow ? 1u : 0u, address, length, (uint)flags, (ulong)wanted, (ulong)inheriting, (uint)descriptorFlags, Result);
        fd = errno == Errno.Success ? Get<int>() : -1;
        return errno;
    }

    public int MustOpen(
        string path,
        OpenFlags flags = OpenFlags.None,
        Rights? rights = null,
        int directory = Writable,
        FileDescriptorFlags descriptorFlags = FileDescriptorFlags.None)
    {
        Assert.Equal(Errno.Success, Open(path, out var fd, flags, rights, directory, descriptorFlags));
        return fd;
    }

    public Errno WriteBuffers(int fd, uint buffers, uint count, uint result) => Finish(Context.FdWrite(Call, fd, buffers, count, result));

    public Errno PwriteBuffers(int fd, uint buffers, uint count, ulong offset, uint result) =>
        Finish(Context.FdPwrite(Call, fd, buffers, count, offset, result));

    public Errno ReadBuffers(int fd, uint buffers, uint count, uint result) => Finish(Context.FdRead(Call, fd, buffers, count, result));

    public Errno Write(int fd, string text) => WriteBuffers(fd, Buffers(Put(text)), 1, Result);

    public Errno Read(int fd, out string text, int length = 256, CancellationToken token = default)
    {
        var buffer = Reserve(length);
        var errno = Finish(Context.FdRead(CallWith(token), fd, Buffers((buffer, (uint)length)), 1, Result));
        text = errno == Errno.Success ? GetText(buffer, Get<uint>()) : "";
        return errno;
    }

    public string ReadFile(string path, int directory = Writable)
    {
        var fd = MustOpen(path, directory: directory);
        Assert.Equal(Errno.Success, Read(fd, out var text));
        Assert.Equal(Errno.Success, Context.FdClose(fd));
        return text;
    }

    public Errno CreateDirectory(string path, int directory = Writable) => WithPath(path, (a, l) => Context.PathCreateDirectory(Call, directory, a, l));

    public Errno RemoveDirectory(string path, int directory = Writable) => WithPath(path, (a, l) => Context.PathRemoveDirectory(Call, directory, a, l));

    public Errno Unlink(string path, int directory = Writable) => WithPath(path, (a, l) => Context.PathUnlinkFile(Call, directory, a, l));

    public Errno Status(string path, out FileStatus status, bool follow = true, int directory = Writable)
    {
        var (address, length) = Put(path);
        var errno = Context.PathFilestatGet(Call, directory, follow ? 1u : 0u, address, length, Result);
        status = errno == Errno.Success ? Get<FileStatus>() : default;
        return errno;
    }

    public Errno SetTimes(string path, ulong access, ulong modification, TimestampFlags flags, bool follow = true, int directory = Writable) =>
        WithPath(path, (a, l) => Context.PathFilestatSetTimes(Call, directory, follow ? 1u : 0u, a, l, access, modification, (uint)flags));

    public Errno Symlink(string target, string path, int directory = Writable)
    {
        var (address, length) = Put(target);
        return WithPath(path, (a, l) => Context.PathSymlink(Call, address, length, directory, a, l));
    }

    public Errno Link(string from, string to, bool follow = false, int fromDirectory = Writable, int toDirectory = Writable)
    {
        var (address, length) = Put(from);
        return WithPath(to, (a, l) => Context.PathLink(Call, fromDirectory, follow ? 1u : 0u, address, length, toDirectory, a, l));
    }

    public Errno Rename(string from, string to, int fromDirectory = Writable, int toDirectory = Writable)
    {
        var (address, length) = Put(from);
        return WithPath(to, (a, l) => Context.PathRename(Call, fromDirectory, address, length, toDirectory, a, l));
    }

    public Errno ReadLink(string path, out string target, uint size = 256, int directory = Writable)
    {
        var buffer = Reserve((int)size);
        var errno = WithPath(path, (a, l) => Context.PathReadlink(Call, directory, a, l, buffer, size, Result));
        target = errno == Errno.Success ? GetText(buffer, Get<uint>()) : "";
        return errno;
    }

    /// <summary>Lists a folder with a buffer of that size, as a libc does.</summary>
    public List<(string Name, FileType Type, ulong Inode)> List(int fd, uint size = 4096)
    {
        var entries = new List<(string, FileType, ulong)>();
        var buffer = Reserve((int)size);
        ulong cookie = 0;
        for (var round = 0; round < 10_000; round++)
        {
            Assert.Equal(Errno.Success, Context.FdReaddir(Call, fd, buffer, size, cookie, Result));
            var used = Get<uint>();
            uint position = 0;
            while (used - position >= 24)
            {
                var header = Get<DirectoryEntryHeader>(buffer + position);
                if (used - position - 24 < header.NameLength)
                {
                    break;
                }

                entries.Add((GetText(buffer + position + 24, header.NameLength), header.FileType, header.Inode));
                cookie = header.Next;
                position += 24 + header.NameLength;
            }

            if (used < size)
            {
                return entries;
            }

            Assert.True(position > 0, "The buffer is too small for a single entry.");
        }

        throw new InvalidOperationException("The listing doesn't end.");
    }

    public void Dispose()
    {
        Context.Dispose();
        NativeMemory.Free(memory);
        Directory.Delete(Root, recursive: true);
    }

    private static Errno Finish(ValueTask<Errno> task) => task.IsCompletedSuccessfully ? task.Result : task.AsTask().GetAwaiter().GetResult();

    private Errno WithPath(string path, Func<uint, uint, Errno> call)
    {
        var (address, length) = Put(path);
        return call(address, length);
    }
}
