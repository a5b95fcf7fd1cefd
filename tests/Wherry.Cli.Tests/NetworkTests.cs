using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Wherry.Cli.Tests;

/// <summary>The network is closed unless it is given.</summary>
public sealed partial class NetworkTests
{
    private const int NotCapable = 76;
    private const int AddressInUse = 3;

    [Fact]
    public async Task A_port_that_is_not_published_can_not_be_bound_and_the_option_for_it_is_named()
    {
        Result result = await RunningCommand.WherryAsync("run", Guest.Probe, "serve", "8080");
        Assert.Equal($"bind {NotCapable}\n", result.Expect(1).Output);
        Assert.StartsWith("wherry: ", result.Error, StringComparison.Ordinal);
        Assert.Matches(@"(-p|--publish) 8080", result.Error);
    }

    [Fact]
    public async Task Another_port_than_the_published_one_can_not_be_bound()
    {
        Result result = await RunningCommand.WherryAsync("run", "-p", "0:8080", Guest.Probe, "serve", "8081");
        Assert.Equal($"bind {NotCapable}\n", result.Expect(1).Output);
        Assert.Contains("8081", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0:8080", "127.0.0.1")]
    [InlineData("127.0.0.1:0:8080", "127.0.0.1")]
    [InlineData("localhost:0:8080", "127.0.0.1")]
    [InlineData("[::1]:0:8080", "::1")]
    public async Task A_published_port_is_reached_where_the_host_says(string publish, string address)
    {
        if (address == "::1" && !Socket.OSSupportsIPv6)
        {
            Assert.Skip("This machine has no IPv6.");
        }

        await using RunningCommand command = RunningCommand.StartWherry("run", "-p", publish, Guest.Probe, "serve", "8080");
        int port = await command.WaitForPortAsync();
        Assert.Contains(new IPEndPoint(IPAddress.Parse(address), port).ToString(), command.Error, StringComparison.Ordinal);
        await command.WaitForAsync(Listening());
        using var client = new TcpClient(address.Contains(':', StringComparison.Ordinal) ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork);
        await client.ConnectAsync(IPAddress.Parse(address), port);
        Assert.True(client.Connected);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told_in_one_line()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        Result result = await RunningCommand.WherryAsync("run", "-p", $"{port}:8080", Guest.Probe, "serve", "8080");
        Assert.Equal($"bind {AddressInUse}\n", result.Expect(1).Output);
        Assert.Contains($"{port}", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task A_listening_socket_on_a_port_that_is_taken_is_told()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        Result result = await RunningCommand.WherryAsync("run", "--tcplisten", taken.LocalEndpoint.ToString()!, Guest.Probe);
        Assert.StartsWith("wherry: ", result.Expect(126).Error, StringComparison.Ordinal);
        Assert.Contains(taken.LocalEndpoint.ToString()!, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_of_plain_WASI_finds_its_listening_socket_after_its_folders()
    {
        using var folder = new TemporaryFolder();
        string module = folder.Write("server.wat", """
            (module
              (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
              (memory (export "memory") 1)
              (data (i32.const 64) "welcome\n")
              (func (export "_start")
                (if (call $accept (i32.const 4) (i32.const 0) (i32.const 0)) (then (call $exit (i32.const 1))))
                (i32.store (i32.const 8) (i32.const 64)) (i32.store (i32.const 12) (i32.const 8))
                (if (call $write (i32.load (i32.const 0)) (i32.const 8) (i32.const 1) (i32.const 16)) (then (call $exit (i32.const 2))))))
            """);
        await using RunningCommand command = RunningCommand.StartWherry("run", "--dir", folder.Path, "--tcplisten", "127.0.0.1:0", module);
        int port = await command.WaitForPortAsync();
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        using var reader = new StreamReader(client.GetStream());
        Assert.Equal("welcome\n", await reader.ReadToEndAsync());
        (await command.EndAsync()).Expect(0);
    }

    [Theory]
    [InlineData(NotCapable)]
    [InlineData(NotCapable, "--connect", "*")]
    [InlineData(NotCapable, "--connect", "example.com")]
    [InlineData(NotCapable, "--connect", "localhost:1")]
    [InlineData(0, "--connect", "localhost")]
    [InlineData(0, "--connect", "127.0.0.1")]
    [InlineData(0, "--connect", "localhost:PORT")]
    [InlineData(0, "--connect", "127.0.0.1:PORT")]
    [InlineData(0, "--net", "host")]
    public async Task A_guest_connects_only_where_it_may(int expected, params string[] options)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        string port = $"{((IPEndPoint)listener.LocalEndpoint).Port}";
        string[] given = [.. options.Select(option => option.Replace("PORT", port, StringComparison.Ordinal))];
        Result result = await RunningCommand.WherryAsync(["run", .. given, Guest.Probe, "connect", "127.0.0.1", port]);
        Assert.Equal($"connect {expected}\n", result.Expect(0).Output);
        if (expected == NotCapable)
        {
            Assert.Matches($"--connect (localhost|127.0.0.1):{port}", result.Error);
        }
    }

    [Fact]
    public async Task The_whole_network_can_be_given()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        string port = $"{((IPEndPoint)probe.LocalEndpoint).Port}";
        probe.Stop();
        await using RunningCommand command = RunningCommand.StartWherry("run", "--net", "host", Guest.Probe, "serve", port);
        await command.WaitForAsync(Listening());
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, int.Parse(port, System.Globalization.CultureInfo.InvariantCulture));
    }

    [GeneratedRegex("listen 0\n")]
    private static partial Regex Listening();
}
