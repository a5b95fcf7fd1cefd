using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Descriptors;
using Wherry.Wasi.Polling;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi.Tests.Sockets;

/// <summary>Plays a guest: calls the functions as a module would, with a memory of its own.</summary>
internal sealed unsafe class SocketGuest : IDisposable
{
    public const int MemorySize = 1 << 20;
    public const uint Inet4 = 1;
    public const uint Inet6 = 2;
    public const uint Datagram = 1;
    public const uint Stream = 2;
    public const uint Peek = 1;
    public const uint WaitAll = 2;

    // Where things lie in the guest's memory.
    private const uint Result = 2048;
    private const uint Result2 = 2056;
    private const uint Result3 = 2064;
    private const uint AddressPart = 3072;
    private const uint AddressBytes = 3200;
    private const uint Vector = 4096;
    private const uint Data = 0x20000;
    private const uint Subscriptions = 0x40000;
    private const uint Events = 0x80000;

    private readonly byte* memory;

    public SocketGuest(NetworkPolicy? policy = null, WasiOptions? options = null)
    {
        memory = (byte*)NativeMemory.AllocZeroed(MemorySize);
        Context = new WasiContext((options ?? new WasiOptions()) with { NetworkPolicy = policy ?? NetworkPolicy.Host, Scheduler = GuestsWithoutThread.Scheduler });
    }

    public WasiContext Context { get; }

    public CancellationToken Cancellation { get; set; } = TestContext.Current.CancellationToken;

    public GuestCall Call => new(memory, MemorySize, Cancellation);

    public Span<byte> Memory => new(memory, MemorySize);

    public static Errno Run(ValueTask<int> task) => (Errno)task.AsTask().GetAwaiter().GetResult();

    public static Errno Run(ValueTask<Errno> task) => task.AsTask().GetAwaiter().GetResult();

    /// <summary>Waits for what the test has started, but not for ever.</summary>
    public static T Finish<T>(Task<T> task) => task.WaitAsync(TimeSpan.FromSeconds(60)).GetAwaiter().GetResult();

    public int Open(uint family = Inet4, uint type = Stream)
    {
        Assert.Equal(Errno.Success, Context.SockOpen(Call, family, type, Result));
        return Number;
    }

    public int Number => (int)Read(Result);

    public uint Read(uint address) => BinaryPrimitives.ReadUInt32LittleEndian(Memory[(int)address..]);

    public void Write(uint address, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Memory[(int)address..], value);

    public void WriteString(uint address, string value) => Encoding.UTF8.GetBytes(value).CopyTo(Memory[(int)address..]);

    public uint PutAddress(IPAddress address)
    {
        byte[] bytes = address.GetAddressBytes();
        bytes.CopyTo(Memory[(int)AddressBytes..]);
        Write(AddressPart, AddressBytes);
        Write(AddressPart + 4, (uint)bytes.Length);
        return AddressPart;
    }

    public uint PutAddressBuffer(uint length)
    {
        Write(AddressPart, AddressBytes);
        Write(AddressPart + 4, length);
        return AddressPart;
    }

    public Errno Bind(int socket, IPAddress address, int port) => Context.SockBind(Call, socket, PutAddress(address), (uint)port);

    public Errno Listen(int socket) => Context.SockListen(socket, 16);

    public Errno Connect(int socket, IPAddress address, int port) => Run(Context.SockConnectAsync(Call, socket, PutAddress(address), (uint)port));

    public Errno Accept(int socket, out int accepted, uint flags = 0)
    {
        Errno errno = Run(Context.SockAcceptAsync(Call, socket, flags, Result));
        accepted = errno == Errno.Success ? Number : -1;
        return errno;
    }

    public int Accept(int socket)
    {
        Assert.Equal(Errno.Success, Accept(socket, out int accepted));
        return accepted;
    }

    public void SetNonBlocking(int socket) => Assert.Equal(Errno.Success, Context.FdFdstatSetFlags(socket, 4));

    public Errno Close(int socket) => Context.FdClose(socket);

    /// <summary>Puts the text into the memory, cut into as many parts as asked for.</summary>
    public uint PutVectors(ReadOnlySpan<byte> bytes, int parts = 1)
    {
        bytes.CopyTo(Memory[(int)Data..]);
        return PutVectors(bytes.Length, parts);
    }

    public uint PutVectors(int length, int parts = 1)
    {
        int done = 0;
        for (int i = 0; i < parts; i++)
        {
            int size = i == parts - 1 ? length - done : length / parts;
            Write(Vector + ((uint)i * 8), Data + (uint)done);
            Write(Vector + ((uint)i * 8) + 4, (uint)size);
            done += size;
        }

        return Vector;
    }

    public Errno Send(int socket, string text, int parts = 1) => Send(socket, Encoding.UTF8.GetBytes(text), out _, parts);

    public Errno Send(int socket, ReadOnlySpan<byte> bytes, out int sent, int parts = 1)
    {
        Errno errno = Run(Context.SockSendAsync(Call, socket, PutVectors(bytes, parts), (uint)parts, 0, Result));
        sent = errno == Errno.Success ? Number : 0;
        return errno;
    }

    public Errno SendTo(int socket, string text, IPAddress address, int port)
    {
        uint vectors = PutVectors(Encoding.UTF8.GetBytes(text));
        return Run(Context.SockSendToAsync(Call, socket, vectors, 1, PutAddress(address), (uint)port, 0, Result));
    }

    public Errno Receive(int socket, int length, out string text, uint flags = 0, int parts = 1)
    {
        Errno errno = Run(Context.SockRecvAsync(Call, socket, PutVectors(length, parts), (uint)parts, flags, Result, Result2));
        text = errno == Errno.Success ? Encoding.UTF8.GetString(Memory.Slice((int)Data, Number)) : "";
        return errno;
    }

    public string Receive(int socket, int length = 1000)
    {
        Assert.Equal(Errno.Success, Receive(socket, length, out string text));
        return text;
    }

    /// <summary>So many bytes, however they arrive.</summary>
    public byte[] ReceiveBytes(int socket, int length)
    {
        Assert.Equal(Errno.Success, Receive(socket, length, out _, WaitAll));
        Assert.Equal(length, Number);
        return Memory.Slice((int)Data, length).ToArray();
    }

    public ushort ReceivedFlags => (ushort)Read(Result2);

    /// <summary>The newer form: the sender comes with its family, the port apart.</summary>
    public Errno ReceiveFrom(int socket, int length, out string text, out IPEndPoint? sender)
    {
        uint address = PutAddressBuffer(128);
        Errno errno = Run(Context.SockRecvFromAsync(Call, socket, PutVectors(length), 1, address, 0, Result3, Result, Result2));
        text = "";
        sender = null;
        if (errno == Errno.Success)
        {
            text = Encoding.UTF8.GetString(Memory.Slice((int)Data, Number));
            int size = Memory[(int)AddressBytes] == Inet6 ? 16 : 4;
            sender = new IPEndPoint(new IPAddress(Memory.Slice((int)AddressBytes + 2, size)), (int)Read(Result3));
        }

        return errno;
    }

    /// <summary>Waits until the system has as many bytes for the guest, of which the host is told nothing.</summary>
    public void WaitForBytes(int socket, int count)
    {
        Assert.True(Context.Descriptors.TryGet(socket, out Descriptor? descriptor));
        byte* buffer = stackalloc byte[256];
        bool arrived = SpinWait.SpinUntil(
            () => NativeSocket.Receive(descriptor.HostHandle, buffer, 256, NativeSocket.MessagePeek | NativeSocket.MessageDontWait) >= count, TimeSpan.FromSeconds(60));
        Assert.True(arrived);
    }

    public IPEndPoint LocalAddress(int socket) => Address(socket, peer: false);

    public IPEndPoint PeerAddress(int socket) => Address(socket, peer: true);

    public ReadOnlySpan<byte> AddressData => Memory.Slice((int)AddressBytes, 128);

    public Errno AddressV1(int socket, bool peer, uint room) => Context.SockGetAddressV1(Call, socket, peer, PutAddressBuffer(room), Result, Result2);

    public Errno AddressV2(int socket, bool peer, uint room) => Context.SockGetAddressV2(Call, socket, peer, PutAddressBuffer(room), Result2);

    public uint AddressType => Read(Result);

    public int AddressPort => (int)Read(Result2);

    public Errno GetOption(int socket, uint level, uint name, uint size, out byte[] value, bool sizeItself = false)
    {
        Memory.Slice((int)Data, 64).Clear();
        Write(Result, size);
        Errno errno = Context.SockGetSockOpt(Call, socket, level, name, Data, sizeItself ? size : Result);
        value = Memory.Slice((int)Data, sizeItself ? (int)size : (int)Math.Min(Read(Result), 64)).ToArray();
        return errno;
    }

    public int GetOption(int socket, uint name)
    {
        Assert.Equal(Errno.Success, GetOption(socket, 0, name, 4, out byte[] value));
        return BinaryPrimitives.ReadInt32LittleEndian(value);
    }

    public Errno SetOption(int socket, uint level, uint name, params byte[] value)
    {
        value.CopyTo(Memory[(int)Data..]);
        return Context.SockSetSockOpt(Call, socket, level, name, Data, (uint)value.Length);
    }

    public Errno SetOption(int socket, uint name, int value) => SetOption(socket, 0, name, BitConverter.GetBytes(value));

    /// <summary>Polls and gives the events back.</summary>
    public Event[] Poll(params ReadOnlySpan<Subscription> subscriptions)
    {
        Assert.Equal(Errno.Success, TryPoll(subscriptions, edge: false, out Event[] events));
        return events;
    }

    public Event[] PollEdge(params ReadOnlySpan<Subscription> subscriptions)
    {
        Assert.Equal(Errno.Success, TryPoll(subscriptions, edge: true, out Event[] events));
        return events;
    }

    public Errno TryPoll(ReadOnlySpan<Subscription> subscriptions, bool edge, out Event[] events)
    {
        PutSubscriptions(subscriptions);
        Errno errno = PollAgain((uint)subscriptions.Length, edge);
        events = errno == Errno.Success ? MemoryMarshal.Cast<byte, Event>(Memory[(int)Events..])[..Number].ToArray() : [];
        return errno;
    }

    public void PutSubscriptions(ReadOnlySpan<Subscription> subscriptions) =>
        MemoryMarshal.AsBytes(subscriptions).CopyTo(Memory[(int)Subscriptions..]);

    public Errno PollAgain(uint count, bool edge = false) => Run(edge
        ? Context.EpollOneoffAsync(Call, Subscriptions, Events, count, Result)
        : Context.PollOneoffAsync(Call, Subscriptions, Events, count, Result));

    public static Subscription Reading(int descriptor, ulong userData = 1) =>
        new() { UserData = userData, Type = EventType.FdRead, Descriptor = descriptor };

    public static Subscription Writing(int descriptor, ulong userData = 2) =>
        new() { UserData = userData, Type = EventType.FdWrite, Descriptor = descriptor };

    public static Subscription After(TimeSpan time, ulong userData = 99, uint clock = 0) =>
        new() { UserData = userData, Type = EventType.Clock, Clock = clock, Timeout = (ulong)time.Ticks * 100 };

    public void Dispose()
    {
        Context.Dispose();
        NativeMemory.Free(memory);
    }

    private IPEndPoint Address(int socket, bool peer)
    {
        Assert.Equal(Errno.Success, AddressV1(socket, peer, 16));
        return new IPEndPoint(new IPAddress(AddressData[..(AddressType == 4 ? 4 : 16)]), AddressPort);
    }
}
