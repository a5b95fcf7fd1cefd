using System.Net;
using System.Net.Sockets;
using Wherry.Wasi.Abi;
using SocketAddress = Wherry.Wasi.Sockets.SocketAddress;

namespace Wherry.Wasi.Tests.Sockets;

public sealed class SocketAddressTests
{
    [Theory]
    [InlineData("10.1.2.3")]
    [InlineData("fe80::1234:5678:9abc:def0")]
    public void An_address_survives_the_system_s_form(string text)
    {
        SocketAddress address = SocketAddress.From(IPAddress.Parse(text), 4711);
        byte[] bytes = new byte[SocketAddress.MaximumNativeSize];
        int length = address.WriteNative(bytes);
        Assert.Equal(address, SocketAddress.ReadNative(bytes.AsSpan(0, length)));
        Assert.Equal(text, address.ToIPAddress().ToString());
    }

    [Theory]
    [InlineData("::ffff:127.0.0.1", "127.0.0.1")]
    [InlineData("::ffff:0.0.0.0", "127.0.0.1")]
    [InlineData("0.0.0.0", "127.0.0.1")]
    [InlineData("::", "::1")]
    [InlineData("8.8.8.8", "8.8.8.8")]
    [InlineData("2001:db8::1", "2001:db8::1")]
    public void Addresses_are_normalized_to_where_packets_go(string text, string normalized) =>
        Assert.Equal(normalized, SocketAddress.From(IPAddress.Parse(text), 0).Normalize().ToIPAddress().ToString());

    [Theory]
    [InlineData("127.8.9.10", true, false)]
    [InlineData("::1", true, false)]
    [InlineData("ff01::1", true, false)]
    [InlineData("169.254.169.254", false, true)]
    [InlineData("fe80::1", false, true)]
    [InlineData("febf::1", false, true)]
    [InlineData("ff02::1", false, true)]
    [InlineData("224.0.0.251", false, true)]
    [InlineData("255.255.255.255", false, true)]
    [InlineData("255.255.255.254", false, false)]
    [InlineData("64:ff9b::a9fe:a9fe", false, true)]
    [InlineData("fec0::1", false, false)]
    [InlineData("128.0.0.1", false, false)]
    [InlineData("10.0.0.1", false, false)]
    public void Loopback_and_link_local_are_known(string text, bool loopback, bool linkLocal)
    {
        SocketAddress address = SocketAddress.From(IPAddress.Parse(text), 1);
        Assert.Equal((loopback, linkLocal), (address.IsLoopback, address.IsLinkLocal));
    }

    [Fact]
    public void The_older_form_of_the_address_functions_gives_type_and_port()
    {
        using SocketGuest guest = new();
        int socket = guest.Open();
        Assert.Equal(Errno.Success, guest.Bind(socket, IPAddress.Loopback, 0));
        Assert.Equal(Errno.Success, guest.AddressV1(socket, peer: false, 4));
        Assert.Equal(4u, guest.AddressType);
        Assert.NotEqual(0, guest.AddressPort);
        int socket6 = guest.Open(SocketGuest.Inet6);
        Assert.Equal(Errno.Success, guest.Bind(socket6, IPAddress.IPv6Loopback, 0));
        Assert.Equal(Errno.Nomem, guest.AddressV1(socket6, peer: false, 4));
        Assert.Equal(Errno.Success, guest.AddressV1(socket6, peer: false, 16));
        Assert.Equal(6u, guest.AddressType);
    }

    [Fact]
    public void The_newer_form_needs_room_for_128_bytes_and_writes_the_family()
    {
        using SocketGuest guest = new();
        int socket = guest.Open(SocketGuest.Inet6);
        Assert.Equal(Errno.Success, guest.Bind(socket, IPAddress.IPv6Loopback, 0));
        Assert.Equal(Errno.Inval, guest.AddressV2(socket, peer: false, 16));
        Assert.Equal(Errno.Success, guest.AddressV2(socket, peer: false, 128));
        Assert.Equal(2, guest.AddressData[0]);
        Assert.Equal(IPAddress.IPv6Loopback, new IPAddress(guest.AddressData.Slice(2, 16)));

        // The same bytes, passed back, are an address.
        int port = guest.AddressPort;
        int other = guest.Open(SocketGuest.Inet6);
        Assert.Equal(Errno.Addrinuse, guest.Context.SockBind(guest.Call, other, guest.PutAddressBuffer(128), (uint)port));
    }

    [Fact]
    public void Options_have_the_layouts_of_the_extension()
    {
        using SocketGuest guest = new();
        int socket = guest.Open();
        foreach (uint name in new uint[] { 0, 3, 7, 8 })
        {
            Assert.Equal(0, guest.GetOption(socket, name));
            Assert.Equal(Errno.Success, guest.SetOption(socket, name, 1));
            Assert.Equal(1, guest.GetOption(socket, name));
        }

        Assert.Equal(2, guest.GetOption(socket, 1));
        Assert.Equal(1, guest.GetOption(guest.Open(type: SocketGuest.Datagram), 1));
        Assert.Equal(0, guest.GetOption(socket, 2));
        Assert.Equal(Errno.Success, guest.SetOption(socket, 5, 20000));
        Assert.True(guest.GetOption(socket, 5) >= 20000);
        Assert.Equal(Errno.Success, guest.SetOption(socket, 6, 20000));
        Assert.True(guest.GetOption(socket, 6) >= 20000);
        Assert.Equal(Errno.Success, guest.SetOption(socket, 0, 9, [1, 0, 0, 0, 5, 0, 0, 0]));
        Assert.Equal(Errno.Success, guest.GetOption(socket, 0, 9, 8, out byte[] linger));
        Assert.Equal([1, 0, 0, 0, 5, 0, 0, 0], linger);
        Assert.Equal(5, guest.GetOption(socket, 9));
        Assert.Equal(Errno.Success, guest.GetOption(socket, 0, 12, 16, out byte[] timeout));
        Assert.Equal(new byte[16], timeout);
        Assert.Equal(0, guest.GetOption(socket, 13));
        Assert.Equal(Errno.Success, guest.Bind(socket, IPAddress.Loopback, 0));
        Assert.Equal(Errno.Success, guest.Listen(socket));
        Assert.Equal(1, guest.GetOption(socket, 13));
        Assert.Equal(Errno.Success, guest.GetOption(socket, 0, 14, 16, out byte[] device));
        Assert.Empty(device);
        Assert.Equal(Errno.Noprotoopt, guest.SetOption(socket, 1, 1));
        Assert.Equal(Errno.Noprotoopt, guest.SetOption(socket, 15, 1));
        Assert.Equal(Errno.Inval, guest.GetOption(socket, 7, 0, 4, out _));
        Assert.Equal(Errno.Inval, guest.SetOption(socket, 0, 0, 1));
        Assert.Equal(Errno.Inval, guest.GetOption(socket, 0, 0, 2, out _));
    }

    [Fact]
    public void Getsockopt_takes_the_size_itself_for_a_pointer_to_it()
    {
        using SocketGuest guest = new();
        int socket = guest.Open();
        Assert.Equal(Errno.Success, guest.GetOption(socket, 0, 1, 4, out byte[] value, sizeItself: true));
        Assert.Equal(2, BitConverter.ToInt32(value));
    }

    [Fact]
    public void Listeners_of_the_command_line_are_open_at_the_start()
    {
        ListeningPort? listening = null;
        using SocketGuest guest = new(
            new NetworkPolicy { Listening = port => listening = port }, new WasiOptions { TcpListeners = [new IPEndPoint(IPAddress.Loopback, 0)] });
        using TcpClient client = new();
        client.Connect(listening!.EndPoint);
        Assert.Equal(Errno.Success, guest.Accept(3, out int connection, flags: 0));
        client.Client.Send("plain"u8);
        Assert.Equal("plain", guest.Receive(connection));

        // wasi-libc looks for folders until a descriptor is none.
        Assert.Equal(Errno.Badf, guest.Context.FdPrestatGet(guest.Call, 3, 2048));
    }

    [Fact]
    public void A_listener_whose_port_is_taken_is_one_clear_error()
    {
        using TcpListener other = new(IPAddress.Loopback, 0);
        other.Start();
        IOException exception = Assert.Throws<IOException>(
            () => new WasiContext(new WasiOptions { TcpListeners = [(IPEndPoint)other.LocalEndpoint] }).Dispose());
        Assert.Equal($"Can't listen on {other.LocalEndpoint}: another program has the port.", exception.Message);
    }
}
