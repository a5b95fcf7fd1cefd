using System.Runtime.InteropServices;

using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Sockets;

/// <summary>
/// The system calls on sockets. They go to libc as they are: System.Net.Sockets would add an event loop of its own, a
/// thread hop and allocations to each operation. None of them has SuppressGCTransition, since a send over loopback runs
/// the receiver's side within the call and may take long.
/// </summary>
/// <remarks>Sound if the callers pass pointers to as many bytes as the lengths say; each call site does so with checked guest ranges or its own buffers.</remarks>
#pragma warning disable CA5392 // libc is found by the system's own search only: it is loaded already.
internal static unsafe partial class NativeSocket
{
    public const int AddressFamilyUnix = 1;
    public const int AddressFamilyInet = 2;
    public const int AddressFamilyInet6 = 10;

    public const int TypeStream = 1;
    public const int TypeDatagram = 2;
    public const int TypeNonblock = 0x800;
    public const int TypeCloseOnExec = 0x80000;

    public const int MessagePeek = 0x2;
    public const int MessageTruncated = 0x20;
    public const int MessageDontWait = 0x40;
    public const int MessageNoSignal = 0x4000;
    public const int MessageMore = 0x8000;

    public const int LevelSocket = 1;
    public const int LevelTcp = 6;
    public const int LevelIpv6 = 41;

    public const int OptionReuseAddress = 2;
    public const int OptionType = 3;
    public const int OptionError = 4;
    public const int OptionDontRoute = 5;
    public const int OptionBroadcast = 6;
    public const int OptionSendBuffer = 7;
    public const int OptionReceiveBuffer = 8;
    public const int OptionKeepAlive = 9;
    public const int OptionOutOfBandInline = 10;
    public const int OptionLinger = 13;
    public const int OptionReceiveLowWater = 18;
    public const int OptionReceiveTimeout = 20;
    public const int OptionSendTimeout = 21;
    public const int OptionBindToDevice = 25;
    public const int OptionAcceptConnections = 30;
    public const int OptionTcpNoDelay = 1;
    public const int OptionIpv6Only = 26;

    [StructLayout(LayoutKind.Sequential)]
    public struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public NativeBuffer* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial int Open(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int OpenPair(int family, int type, int protocol, int* handles);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int handle);

    [LibraryImport("libc", EntryPoint = "dup3", SetLastError = true)]
    public static partial int Duplicate(int from, int onto, int flags);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(int handle, void* address, uint length);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    public static partial int Listen(int handle, int backlog);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    public static partial int Accept(int handle, void* address, uint* length, int flags);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    public static partial int Connect(int handle, void* address, uint length);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(int handle, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    public static partial nint ReceiveMessage(int handle, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    public static partial nint Send(int handle, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    public static partial nint SendMessage(int handle, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    public static partial int Shutdown(int handle, int how);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    public static partial int GetOption(int handle, int level, int name, void* value, uint* length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetOption(int handle, int level, int name, void* value, uint length);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    public static partial int GetLocalName(int handle, void* address, uint* length);

    [LibraryImport("libc", EntryPoint = "getpeername", SetLastError = true)]
    public static partial int GetPeerName(int handle, void* address, uint* length);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(PollDescriptor* descriptors, nuint count, int timeoutMilliseconds);

    /// <summary>Two handles that are connected with each other, and with nothing else; non-blocking, closed on exec.</summary>
    public static bool TryOpenPair(Span<int> handles, bool isStream = true)
    {
        // Sound: there is room for the two.
        fixed (int* pointer = handles[..2])
        {
            return OpenPair(AddressFamilyUnix, (isStream ? TypeStream : TypeDatagram) | TypeNonblock | TypeCloseOnExec, 0, pointer) == 0;
        }
    }

    /// <summary>The last failed call's error.</summary>
    public static Errno LastError() => SystemErrors.Translate(Marshal.GetLastPInvokeError());

    /// <summary>Sets an option whose value is a C int; the error, if any, is left in the last system error.</summary>
    public static bool TrySetOption(int handle, int level, int name, int value) =>
        SetOption(handle, level, name, &value, sizeof(int)) == 0;

    /// <summary>Reads an option whose value is a C int; zero when the system refuses.</summary>
    public static int GetOption(int handle, int level, int name)
    {
        int value = 0;
        uint length = sizeof(int);
        return GetOption(handle, level, name, &value, &length) == 0 ? value : 0;
    }
}
