using System.IO.Pipelines;
using System.Runtime.InteropServices;
using System.Text;
using Wherry.Wasi.Abi;

namespace Wherry.Wasi.Tests.Files;

/// <summary>Standard streams, FIFOs and devices: what waits, and that it can be interrupted.</summary>
public sealed class StreamAndWaitTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public void Streams_of_the_embedder_are_the_guests_standard_streams()
    {
        using var output = new MemoryStream();
        using var error = new MemoryStream();
        using var input = new MemoryStream("typed"u8.ToArray());
        using var guest = new TestGuest(configure: options => options with { StandardInput = input, StandardOutput = output, StandardError = error });
        Assert.Equal(Errno.Success, guest.Write(1, "out"));
        Assert.Equal(Errno.Success, guest.Write(2, "err"));
        Assert.Equal("out", Encoding.UTF8.GetString(output.ToArray()));
        Assert.Equal("err", Encoding.UTF8.GetString(error.ToArray()));
        Assert.Equal(Errno.Success, guest.Read(0, out var text, 3));
        Assert.Equal("typ", text);
        Assert.Equal(Errno.Success, guest.Read(0, out text));
        Assert.Equal("ed", text);
        Assert.Equal(Errno.Success, guest.Read(0, out text));
        Assert.Equal("", text);
        Assert.Equal(Errno.Notcapable, guest.Write(0, "x"));
        Assert.Equal(Errno.Notcapable, guest.Read(1, out _));
        Assert.Equal(Errno.Spipe, guest.Context.FdSeek(guest.Call, 0, 0, 0, TestGuest.Result));
        Assert.Equal(Errno.Spipe, guest.Context.FdTell(guest.Call, 1, TestGuest.Result));
    }

    [Fact]
    public void Large_output_arrives_whole_in_order()
    {
        using var output = new MemoryStream();
        using var guest = new TestGuest(configure: options => options with { StandardOutput = output });
        var text = string.Concat(Enumerable.Range(0, 20_000).Select(i => $"{i} "));
        Assert.Equal(Errno.Success, guest.Write(1, text));
        Assert.Equal((uint)text.Length, guest.Get<uint>());
        Assert.Equal(text, Encoding.UTF8.GetString(output.ToArray()));
    }

    [Fact]
    public void A_failing_stream_is_an_error_of_the_guest_not_of_the_host()
    {
        var closed = new MemoryStream();
        closed.Dispose();
        using var guest = new TestGuest(configure: options => options with { StandardInput = closed, StandardOutput = closed });
        Assert.Equal(Errno.Io, guest.Write(1, "x"));
        Assert.Equal(Errno.Io, guest.Read(0, out _));
    }

    [Fact]
    public async Task A_wait_for_a_stream_ends_with_data_or_with_an_interruption()
    {
        var pipe = new Pipe();
        using var guest = new TestGuest(configure: options => options with { StandardInput = pipe.Reader.AsStream() });
        using var interruption = new CancellationTokenSource();
        var reading = Task.Run(() => guest.Read(0, out _, token: interruption.Token));
        await interruption.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(Limit));

        var text = "";
        reading = Task.Run(() => guest.Read(0, out text));
        await pipe.Writer.WriteAsync("late"u8.ToArray());
        Assert.Equal(Errno.Success, await reading.WaitAsync(Limit));
        Assert.Equal("late", text);
    }

    [Fact]
    public async Task Poll_waits_for_a_stream_of_the_embedder()
    {
        var pipe = new Pipe();
        using var guest = new TestGuest(configure: options => options with { StandardInput = pipe.Reader.AsStream() });
        using var interruption = new CancellationTokenSource();
        var subscription = new byte[48];
        subscription[0] = 9; // User data.
        subscription[8] = 1; // FD_READ, of descriptor 0.
        var (address, _) = guest.Put(subscription);
        var events = guest.Reserve(32);
        var polling = Task.Run(() => guest.Context.PollOneoffAsync(guest.CallWith(interruption.Token), address, events, 1, TestGuest.Result).AsTask());
        await interruption.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => polling.WaitAsync(Limit));

        for (var round = 0; round < 3; round++)
        {
            polling = Task.Run(() => guest.Context.PollOneoffAsync(guest.Call, address, events, 1, TestGuest.Result).AsTask());
            await pipe.Writer.WriteAsync("data"u8.ToArray());
            Assert.Equal((int)Errno.Success, await polling.WaitAsync(Limit));
            Assert.Equal(1u, guest.Get<uint>());
            Assert.Equal(9u, guest.Get<ulong>(events));
            Assert.Equal(0, guest.Get<ushort>(events + 8));
            Assert.Equal(4u, guest.Get<ulong>(events + 16));
            Assert.Equal(Errno.Success, guest.Read(0, out var text));
            Assert.Equal("data", text);
        }
    }

    [Fact]
    public void A_non_blocking_read_says_again()
    {
        var pipe = new Pipe();
        using var guest = new TestGuest(configure: options => options with { StandardInput = pipe.Reader.AsStream() });
        Assert.Equal(Errno.Success, guest.Context.FdFdstatSetFlags(0, (uint)FileDescriptorFlags.NonBlocking));
        Assert.Equal(Errno.Again, guest.Read(0, out _));
    }

    [Fact]
    public async Task A_guest_waits_for_a_fifos_first_writer_and_can_be_interrupted()
    {
        using var guest = new TestGuest();
        MakeFifo(Path.Combine(guest.Inside, "fifo"));
        var fd = guest.MustOpen("fifo");
        using var interruption = new CancellationTokenSource();
        var reading = Task.Run(() => guest.Read(fd, out _, token: interruption.Token));
        await Task.Delay(50);
        Assert.False(reading.IsCompleted);
        await interruption.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(Limit));

        var text = "";
        reading = Task.Run(() => guest.Read(fd, out text));
        await using (var writer = new FileStream(Path.Combine(guest.Inside, "fifo"), FileMode.Open, FileAccess.Write))
        {
            await writer.WriteAsync("through"u8.ToArray());
        }

        Assert.Equal(Errno.Success, await reading.WaitAsync(Limit));
        Assert.Equal("through", text);
        Assert.Equal(Errno.Success, guest.Read(fd, out text));
        Assert.Equal("", text);
    }

    [Fact]
    public async Task A_write_to_a_full_fifo_waits_until_all_is_written_or_it_is_interrupted()
    {
        using var guest = new TestGuest();
        MakeFifo(Path.Combine(guest.Inside, "fifo"));
        Assert.Equal(Errno.Nxio, guest.Open("fifo", out _, rights: Rights.FdWrite));
        var reader = guest.MustOpen("fifo", rights: Rights.FdRead, descriptorFlags: FileDescriptorFlags.NonBlocking);
        Assert.Equal(Errno.Success, guest.Read(reader, out var text));
        Assert.Equal("", text);
        var writer = guest.MustOpen("fifo", rights: Rights.FdWrite);
        var data = guest.Put(new byte[300_000]);
        var buffers = guest.Buffers(data);
        using var interruption = new CancellationTokenSource();
        var writing = Task.Run(() => guest.Context.FdWrite(guest.CallWith(interruption.Token), writer, buffers, 1, TestGuest.Result).AsTask());
        await Task.Delay(50);
        Assert.False(writing.IsCompleted);
        await interruption.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing.WaitAsync(Limit));

        writing = Task.Run(() => guest.Context.FdWrite(guest.Call, writer, buffers, 1, TestGuest.Result).AsTask());
        var draining = Task.Run(() =>
        {
            // Ends when the last writer closes.
            using var stream = new FileStream(Path.Combine(guest.Inside, "fifo"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
            var buffer = new byte[65536];
            var total = 0;
            for (var count = stream.Read(buffer); count > 0; count = stream.Read(buffer))
            {
                total += count;
            }

            return total;
        });
        Assert.Equal(Errno.Success, await writing.WaitAsync(Limit));
        Assert.Equal(300_000u, guest.Get<uint>());
        Assert.Equal(Errno.Success, guest.Context.FdClose(writer));
        Assert.InRange(await draining.WaitAsync(Limit), 300_000, 600_000);
    }

    [Fact]
    public async Task Inherited_pipes_are_waited_for_without_changing_them_for_others()
    {
        // The descriptor is the one that standard input would be: borrowed, a pipe, and blocking.
        Assert.Equal(0, Native.Pipe(out var handles));
        using var guest = new TestGuest();
        var read = new Descriptors.FileDescriptor(
            handles.Read, isOwned: false, FileType.Unknown, Descriptors.Blocking.AskEachCall, FileDescriptorFlags.None, RightsSets.Stream, Rights.None);
        var write = new Descriptors.FileDescriptor(
            handles.Write, isOwned: false, FileType.Unknown, Descriptors.Blocking.AskEachCall, FileDescriptorFlags.None, RightsSets.Stream, Rights.None);
        Assert.Equal(Errno.Success, guest.Context.Descriptors.Add(read, out var input));
        Assert.Equal(Errno.Success, guest.Context.Descriptors.Add(write, out var output));
        using var interruption = new CancellationTokenSource();
        var reading = Task.Run(() => guest.Read(input, out _, token: interruption.Token));
        await Task.Delay(50);
        Assert.False(reading.IsCompleted);
        await interruption.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(Limit));
        Assert.Equal(Errno.Success, guest.Write(output, "piped"));
        Assert.Equal(Errno.Success, guest.Read(input, out var text));
        Assert.Equal("piped", text);
        Assert.Equal(0, Native.fcntl(handles.Read, 3, 0) & 0x800);
        guest.Context.Dispose();
        Assert.Equal(0, Native.close(handles.Read));
        Assert.Equal(0, Native.close(handles.Write));
    }

    [Fact]
    public void What_the_host_opened_itself_is_never_taken_for_an_inherited_stream()
    {
        // As when the process was started without standard input, and .NET got the number for something of its own.
        using var guest = new TestGuest();
        using var own = File.OpenHandle(Path.Combine(guest.Outside, "secret"));
        var descriptor = WasiContext.Inherit((int)own.DangerousGetHandle(), Rights.FdRead);
        Assert.Equal(Errno.Success, guest.Context.Descriptors.Add(descriptor, out var fd));
        Assert.Equal(Errno.Success, guest.Read(fd, out var text));
        Assert.Equal("", text);
    }

    [Fact]
    public void Devices_work_and_are_no_terminals()
    {
        using var guest = new TestGuest(configure: options => options with { Directories = [new("/dev", "/dev")] });
        var zero = guest.MustOpen("zero", rights: RightsSets.File);
        Assert.Equal(Errno.Success, guest.Read(zero, out var text, 4));
        Assert.Equal("\0\0\0\0", text);
        var nothing = guest.MustOpen("null", rights: RightsSets.File);
        Assert.Equal(Errno.Success, guest.Write(nothing, "gone"));
        Assert.Equal(4u, guest.Get<uint>());
        Assert.Equal(Errno.Success, guest.Context.FdFdstatGet(guest.Call, nothing, TestGuest.Result));
        Assert.Equal(FileType.CharacterDevice, guest.Get<FileDescriptorStatus>().FileType);
        Assert.True((guest.Get<FileDescriptorStatus>().Rights & Rights.FdSeek) != 0);
    }

    [Fact]
    public async Task A_sleep_ends_by_time_and_by_interruption()
    {
        using var guest = new TestGuest();
        await guest.Context.Waiter.SleepAsync(20_000_000, CancellationToken.None);
        using var interruption = new CancellationTokenSource();
        var sleeping = Task.Run(() => guest.Context.Waiter.SleepAsync(Waiting.Waiter.Forever, interruption.Token).AsTask());
        await Task.Delay(20);
        await interruption.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sleeping.WaitAsync(Limit));

        // And the waiter works on.
        await guest.Context.Waiter.SleepAsync(1_000_000, CancellationToken.None);
    }

    private static void MakeFifo(string path) => Assert.Equal(0, Native.mkfifo(path, 0x1B6));

    private static class Native
    {
        public static unsafe int Pipe(out (int Read, int Write) handles)
        {
            var both = stackalloc int[2];
            var result = pipe(both);
            handles = (both[0], both[1]);
            return result;
        }

        [DllImport("libc")]
        public static extern int mkfifo([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);

        [DllImport("libc")]
        public static extern int close(int handle);

        [DllImport("libc")]
        public static extern int fcntl(int handle, int command, nint argument);

        [DllImport("libc")]
        private static extern unsafe int pipe(int* handles);
    }
}
