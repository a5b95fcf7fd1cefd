using System.Globalization;
using System.Runtime.InteropServices;
using Wherry.Wasi.Abi;

namespace Wherry.Wasi.Sockets;

/// <summary>Port numbers of services, as /etc/services has them.</summary>
internal static unsafe partial class ServiceNames
{
    private const int NumericHostOfSystem = 4;

    [StructLayout(LayoutKind.Sequential)]
    private struct NativeAddressInfo
    {
        public int Flags;
        public int Family;
        public int Type;
        public int Protocol;
        public uint AddressLength;
        public byte* Address;
        public byte* Name;
        public NativeAddressInfo* Next;
    }

    /// <summary>Finds the port of "80" or "http".</summary>
    public static Errno TryGetPort(string service, bool numericOnly, bool datagram, out ushort port)
    {
        port = 0;
        if (service.Length == 0 || ushort.TryParse(service, NumberStyles.None, CultureInfo.InvariantCulture, out port))
        {
            return Errno.Success;
        }

        if (numericOnly)
        {
            return Errno.AiNoname;
        }

        NativeAddressInfo hints = new()
        {
            Flags = NumericHostOfSystem,
            Family = NativeSocket.AddressFamilyInet,
            Type = datagram ? NativeSocket.TypeDatagram : NativeSocket.TypeStream,
        };
        NativeAddressInfo* result = null;

        // Sound: the system allocates the list, which is read before it is freed. Without a host name nothing is looked up but a local table.
        int failed = GetAddressInfo(null, service, &hints, &result);
        if (failed == 0 && result != null && result->AddressLength >= 8)
        {
            port = SocketAddress.ReadNative(new ReadOnlySpan<byte>(result->Address, (int)result->AddressLength)).Port;
        }

        if (result != null)
        {
            FreeAddressInfo(result);
        }

        if (failed == 0 && port != 0)
        {
            return Errno.Success;
        }

        // Small systems have no table.
        port = service switch
        {
            "http" => 80,
            "https" => 443,
            "domain" => 53,
            "ssh" => 22,
            "smtp" => 25,
            _ => 0,
        };
        return port != 0 ? Errno.Success : Errno.AiService;
    }

#pragma warning disable CA5392 // libc is found by the system's own search only: it is loaded already.
    [LibraryImport("libc", EntryPoint = "getaddrinfo", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int GetAddressInfo(
        byte* node, string service, NativeAddressInfo* hints, NativeAddressInfo** result);

    [DllImport("libc", EntryPoint = "freeaddrinfo")]
    private static extern void FreeAddressInfo(NativeAddressInfo* result);
}
