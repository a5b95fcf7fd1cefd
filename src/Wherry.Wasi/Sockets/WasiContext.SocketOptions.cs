using System.Runtime.InteropServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;
using Wherry.Wasi.Network.InProcess.Streams;
using Wherry.Wasi.Sockets;

namespace Wherry.Wasi;

// The socket extension: options.
public sealed unsafe partial class WasiContext
{
    private const uint LevelSocket = 0;

    /// <summary>Not of the extension, but some guests pass the system's own numbers for these two, to no harm.</summary>
    private const uint LevelTcp = 6;
    private const uint LevelIpv6 = 41;

    /// <summary>
    /// No guest allocates below this address. The fifth parameter of sock_getsockopt points to the size, but some guests pass the size itself; a value
    /// below is one of theirs.
    /// </summary>
    private const uint LowestAllocation = 1024;

    private const int LongestDeviceName = 16;
    private const int ListeningBuffer = 212_992;

    private enum SocketOption : uint
    {
        ReuseAddress = 0,
        Type = 1,
        Error = 2,
        DontRoute = 3,
        Broadcast = 4,
        SendBuffer = 5,
        ReceiveBuffer = 6,
        KeepAlive = 7,
        OutOfBandInline = 8,
        Linger = 9,
        ReceiveLowWater = 10,
        ReceiveTimeout = 11,
        SendTimeout = 12,
        AcceptConnections = 13,
        BindToDevice = 14,
    }

    internal Errno SockGetSockOpt(in GuestCall call, int descriptor, uint level, uint name, uint valueAddress, uint sizeAddress)
    {
        Errno errno = GetSocket(descriptor, Rights.None, out SocketDescriptor socket);
        if (errno != Errno.Success)
        {
            return errno;
        }

        uint size = sizeAddress;
        bool isPointer = sizeAddress >= LowestAllocation;
        if ((isPointer && !call.TryRead(sizeAddress, out size)) || !call.TryGetSpan(valueAddress, size, out Span<byte> value))
        {
            return Errno.Fault;
        }

        errno = GetOption(socket, level, (SocketOption)name, value, out int written);
        return errno == Errno.Success && isPointer ? call.Write(sizeAddress, (uint)written) : errno;
    }

    internal Errno SockSetSockOpt(in GuestCall call, int descriptor, uint level, uint name, uint valueAddress, uint size)
    {
        Errno errno = GetSocket(descriptor, Rights.None, out SocketDescriptor socket);
        if (errno != Errno.Success)
        {
            return errno;
        }

        return call.TryGetSpan(valueAddress, size, out Span<byte> value)
            ? SetOption(socket, level, (SocketOption)name, value)
            : Errno.Fault;
    }

    private static Errno GetOption(SocketDescriptor socket, uint level, SocketOption option, Span<byte> value, out int written)
    {
        written = sizeof(int);
        if (value.Length < sizeof(int) && !(level == LevelSocket && option == SocketOption.BindToDevice))
        {
            return Errno.Inval;
        }

        if (socket.IsInProcess && GetInProcess(socket, level, option) is { } number)
        {
            MemoryMarshal.Write(value, number);
            return Errno.Success;
        }

        if (socket.Stream is not null && level == LevelSocket && GetStreamOption(socket, option, value, out written))
        {
            return Errno.Success;
        }

        if (level is LevelTcp or LevelIpv6)
        {
            return GetProtocolOption(socket, level, (int)option, value);
        }

        if (level != LevelSocket)
        {
            return Errno.Inval;
        }

        switch (option)
        {
            case SocketOption.Type:
                MemoryMarshal.Write(value, (int)(socket.IsStream ? TypeStream : TypeDatagram));
                return Errno.Success;
            case SocketOption.Error:
                MemoryMarshal.Write(value, (int)socket.FetchError());
                return Errno.Success;
            case SocketOption.ReceiveTimeout:
                return WriteTimeout(value, socket.ReceiveTimeout, out written);
            case SocketOption.SendTimeout:
                return WriteTimeout(value, socket.SendTimeout, out written);
            case SocketOption.Linger:
                return GetLinger(socket, value, out written);
            case SocketOption.BindToDevice:
                return GetDevice(socket, value, out written);
            default:
                return TryGetNative(option, out int native)
                    ? GetNative(socket, NativeSocket.LevelSocket, native, value)
                    : Errno.Noprotoopt;
        }
    }

    private Errno SetOption(SocketDescriptor socket, uint level, SocketOption option, ReadOnlySpan<byte> value)
    {
        if (level == LevelSocket && option == SocketOption.BindToDevice)
        {
            return SetDevice(socket, value);
        }

        if (value.Length < sizeof(int))
        {
            return Errno.Inval;
        }

        int number = MemoryMarshal.Read<int>(value);
        if (socket.IsInProcess && (socket.IsListening || level is LevelTcp or LevelIpv6) && GetInProcess(socket, level, option) is not null)
        {
            // Options of protocols that are not underneath.
            return Errno.Success;
        }

        // Kept before it is connected too: it gives its handle back when it connects to another guest.
        if (level == LevelSocket && socket.IsStream && SetStreamOption(socket, option, value) && socket.Stream is not null)
        {
            return Errno.Success;
        }

        if (level is LevelTcp or LevelIpv6)
        {
            return SetProtocolOption(socket, level, (int)option, number);
        }

        if (level != LevelSocket)
        {
            return Errno.Inval;
        }

        switch (option)
        {
            case SocketOption.Type or SocketOption.Error or SocketOption.AcceptConnections:
                return Errno.Noprotoopt;
            case SocketOption.ReceiveTimeout:
            case SocketOption.SendTimeout:
                Errno errno = ReadTimeout(value, out long timeout);
                if (errno == Errno.Success && option == SocketOption.ReceiveTimeout)
                {
                    socket.ReceiveTimeout = timeout;
                }
                else if (errno == Errno.Success)
                {
                    socket.SendTimeout = timeout;
                }

                return errno;
            case SocketOption.Linger:
                return SetLinger(socket, value);
            default:
                return TryGetNative(option, out int native)
                    ? SetNative(socket, NativeSocket.LevelSocket, native, number)
                    : Errno.Noprotoopt;
        }
    }

    /// <summary>What options say of a socket inside the process, whose handle knows nothing of them; null for those that it knows.</summary>
    private static int? GetInProcess(SocketDescriptor socket, uint level, SocketOption option) => (level, option) switch
    {
        (LevelTcp, (SocketOption)NativeSocket.OptionTcpNoDelay) => 1,
        (LevelIpv6, (SocketOption)NativeSocket.OptionIpv6Only) => 0,
        (LevelSocket, SocketOption.AcceptConnections) => socket.IsListening ? 1 : 0,
        (LevelSocket, SocketOption.ReuseAddress) when socket.IsListening => 1,
        (LevelSocket, SocketOption.SendBuffer or SocketOption.ReceiveBuffer) when socket.IsListening => ListeningBuffer,
        (LevelSocket, SocketOption.DontRoute or SocketOption.Broadcast or SocketOption.KeepAlive or SocketOption.OutOfBandInline or SocketOption.ReceiveLowWater) when socket.IsListening => 0,
        _ => null,
    };

    /// <summary>Options of a connection to another guest, which has no handle to keep them: a lingering that resets counts, sizes are what they are, the others are only kept.</summary>
    private static bool GetStreamOption(SocketDescriptor socket, SocketOption option, Span<byte> value, out int written)
    {
        written = sizeof(int);
        switch (option)
        {
            case SocketOption.Linger:
                WriteLinger(socket.StreamLinger, value, out written);
                return true;
            case SocketOption.SendBuffer or SocketOption.ReceiveBuffer:
                MemoryMarshal.Write(value, StreamPipe.Capacity);
                return true;
            case SocketOption.ReceiveLowWater:
                MemoryMarshal.Write(value, 1);
                return true;
            case SocketOption.ReuseAddress or SocketOption.DontRoute or SocketOption.Broadcast or SocketOption.KeepAlive or SocketOption.OutOfBandInline:
                MemoryMarshal.Write(value, (int)(socket.StreamOptions >> (int)option) & 1);
                return true;
            default:
                return false;
        }
    }

    private static bool SetStreamOption(SocketDescriptor socket, SocketOption option, ReadOnlySpan<byte> value)
    {
        switch (option)
        {
            case SocketOption.Linger:
                socket.StreamLinger = ReadLinger(value);
                return true;
            case SocketOption.SendBuffer or SocketOption.ReceiveBuffer or SocketOption.ReceiveLowWater:
                return true;
            case SocketOption.ReuseAddress or SocketOption.DontRoute or SocketOption.Broadcast or SocketOption.KeepAlive or SocketOption.OutOfBandInline:
                uint bit = 1u << (int)option;
                socket.StreamOptions = MemoryMarshal.Read<int>(value) != 0 ? socket.StreamOptions | bit : socket.StreamOptions & ~bit;
                return true;
            default:
                return false;
        }
    }

    private static bool TryGetNative(SocketOption option, out int native)
    {
        native = option switch
        {
            SocketOption.ReuseAddress => NativeSocket.OptionReuseAddress,
            SocketOption.DontRoute => NativeSocket.OptionDontRoute,
            SocketOption.Broadcast => NativeSocket.OptionBroadcast,
            SocketOption.SendBuffer => NativeSocket.OptionSendBuffer,
            SocketOption.ReceiveBuffer => NativeSocket.OptionReceiveBuffer,
            SocketOption.KeepAlive => NativeSocket.OptionKeepAlive,
            SocketOption.OutOfBandInline => NativeSocket.OptionOutOfBandInline,
            SocketOption.ReceiveLowWater => NativeSocket.OptionReceiveLowWater,
            SocketOption.AcceptConnections => NativeSocket.OptionAcceptConnections,
            _ => 0,
        };
        return native != 0;
    }

    private static Errno GetProtocolOption(SocketDescriptor socket, uint level, int option, Span<byte> value) => (level, option) switch
    {
        (LevelTcp, NativeSocket.OptionTcpNoDelay) when socket.IsStream => GetNative(socket, NativeSocket.LevelTcp, option, value),
        (LevelIpv6, NativeSocket.OptionIpv6Only) when socket.IsNativeIpv6 => GetNative(socket, NativeSocket.LevelIpv6, option, value),
        _ => Errno.Noprotoopt,
    };

    private static Errno SetProtocolOption(SocketDescriptor socket, uint level, int option, int value) => (level, option) switch
    {
        (LevelTcp, NativeSocket.OptionTcpNoDelay) when socket.IsStream => SetNative(socket, NativeSocket.LevelTcp, option, value),
        (LevelIpv6, NativeSocket.OptionIpv6Only) when socket.IsNativeIpv6 => SetNative(socket, NativeSocket.LevelIpv6, option, value),
        _ => Errno.Noprotoopt,
    };

    private static Errno GetNative(SocketDescriptor socket, int level, int option, Span<byte> value)
    {
        int number;
        uint length = sizeof(int);

        // Sound: the option's value is an int, for which there is room.
        if (NativeSocket.GetOption(socket.HostHandle, level, option, &number, &length) != 0)
        {
            return NativeSocket.LastError();
        }

        MemoryMarshal.Write(value, number);
        return Errno.Success;
    }

    private static Errno SetNative(SocketDescriptor socket, int level, int option, int value) =>
        NativeSocket.TrySetOption(socket.HostHandle, level, option, value) ? Errno.Success : NativeSocket.LastError();

    /// <summary>timeval: seconds and microseconds, 64 bits each.</summary>
    private static Errno WriteTimeout(Span<byte> value, long nanoseconds, out int written)
    {
        written = 2 * sizeof(long);
        if (value.Length < written)
        {
            return Errno.Inval;
        }

        MemoryMarshal.Write(value, nanoseconds / NanosecondsPerSecond);
        MemoryMarshal.Write(value[sizeof(long)..], nanoseconds % NanosecondsPerSecond / 1000);
        return Errno.Success;
    }

    private static Errno ReadTimeout(ReadOnlySpan<byte> value, out long nanoseconds)
    {
        nanoseconds = 0;
        if (value.Length < 2 * sizeof(long))
        {
            return Errno.Inval;
        }

        long seconds = MemoryMarshal.Read<long>(value);
        long microseconds = MemoryMarshal.Read<long>(value[sizeof(long)..]);
        if (microseconds is < 0 or >= 1_000_000)
        {
            return Errno.Dom;
        }

        // Negative is over at once, and what exceeds 292 years is for ever.
        nanoseconds = seconds < 0 ? 1
            : seconds >= long.MaxValue / NanosecondsPerSecond ? 0
            : (seconds * NanosecondsPerSecond) + (microseconds * 1000);
        return Errno.Success;
    }

    /// <summary>struct linger, two ints; a guest that has room for one int gets the seconds, or 0 when it is off.</summary>
    private static Errno GetLinger(SocketDescriptor socket, Span<byte> value, out int written)
    {
        long linger;
        uint length = sizeof(long);
        written = 0;

        // Sound: struct linger has eight bytes.
        if (NativeSocket.GetOption(socket.HostHandle, NativeSocket.LevelSocket, NativeSocket.OptionLinger, &linger, &length) != 0)
        {
            return NativeSocket.LastError();
        }

        WriteLinger(linger, value, out written);
        return Errno.Success;
    }

    private static void WriteLinger(long linger, Span<byte> value, out int written)
    {
        written = value.Length >= sizeof(long) ? sizeof(long) : sizeof(int);
        if (written == sizeof(long))
        {
            MemoryMarshal.Write(value, linger);
        }
        else
        {
            MemoryMarshal.Write(value, (int)linger != 0 ? (int)(linger >> 32) : 0);
        }
    }

    private static long ReadLinger(ReadOnlySpan<byte> value)
    {
        int seconds = MemoryMarshal.Read<int>(value);
        return value.Length >= sizeof(long) ? MemoryMarshal.Read<long>(value) : ((long)seconds << 32) | (seconds != 0 ? 1u : 0u);
    }

    private static Errno SetLinger(SocketDescriptor socket, ReadOnlySpan<byte> value)
    {
        long linger = ReadLinger(value);

        // Sound: struct linger has eight bytes.
        return NativeSocket.SetOption(socket.HostHandle, NativeSocket.LevelSocket, NativeSocket.OptionLinger, &linger, sizeof(long)) == 0
            ? Errno.Success
            : NativeSocket.LastError();
    }

    private static Errno GetDevice(SocketDescriptor socket, Span<byte> value, out int written)
    {
        byte* name = stackalloc byte[LongestDeviceName];
        uint length = LongestDeviceName;
        written = 0;

        // Sound: the buffer is as long as the length says.
        if (NativeSocket.GetOption(socket.HostHandle, NativeSocket.LevelSocket, NativeSocket.OptionBindToDevice, name, &length) != 0)
        {
            return NativeSocket.LastError();
        }

        written = (int)length;
        return new ReadOnlySpan<byte>(name, written).TryCopyTo(value) ? Errno.Success : Errno.Inval;
    }

    private Errno SetDevice(SocketDescriptor socket, ReadOnlySpan<byte> value)
    {
        if (!Options.NetworkPolicy.AllowsEverything)
        {
            // A device leads around the addresses that the policy speaks of.
            return Errno.Notcapable;
        }

        fixed (byte* name = value)
        {
            // Sound: the span's own length is passed.
            return NativeSocket.SetOption(socket.HostHandle, NativeSocket.LevelSocket, NativeSocket.OptionBindToDevice, name, (uint)value.Length) == 0
                ? Errno.Success
                : NativeSocket.LastError();
        }
    }
}
