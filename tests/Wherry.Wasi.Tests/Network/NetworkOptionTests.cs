using System.Net;

namespace Wherry.Wasi.Tests.Network;

public sealed class NetworkOptionTests
{
    [Theory]
    [InlineData("8080", "127.0.0.1:8080:8080")]
    [InlineData("80:8080", "127.0.0.1:80:8080")]
    [InlineData("0:8080", "127.0.0.1:0:8080")]
    [InlineData("0.0.0.0:80", "0.0.0.0:80:80")]
    [InlineData("localhost:80:81", "127.0.0.1:80:81")]
    [InlineData("10.1.2.3:80:8080/udp", "10.1.2.3:80:8080/udp")]
    [InlineData("[::1]:80", "[::1]:80:80")]
    [InlineData("[::]:80:8080/tcp", "[::]:80:8080")]
    [InlineData("53/udp", "127.0.0.1:53:53/udp")]
    public void A_published_port_is_read(string text, string expected)
    {
        PublishedPort port = PublishedPort.Parse(text);
        Assert.Equal(expected, port.ToString());
        Assert.Equal(port, PublishedPort.Parse(port.ToString()));
    }

    [Theory]
    [InlineData("", "\"\" is not a port: a number from 0 to 65535 is")]
    [InlineData("http", "\"http\" is not a port")]
    [InlineData("70000", "\"70000\" is not a port")]
    [InlineData("-1", "\"-1\" is not a port")]
    [InlineData("+80", "\"+80\" is not a port")]
    [InlineData("80:0", "\"0\" is not a port: a number from 1 to 65535 is")]
    [InlineData("80:81:82", "\"80\" is not an IP address")]
    [InlineData("1.2.3.4", "the port is missing")]
    [InlineData("1.2.3:80", "\"1.2.3\" is not an IP address")]
    [InlineData("1.2.3.4:80:81:82", "is not an IP address")]
    [InlineData("[::1]", "the port is missing")]
    [InlineData("[::1]80", "a colon must follow")]
    [InlineData("[::1:80", "is not closed")]
    [InlineData("[1.2.3.4]:80", "\"1.2.3.4\" is not an IPv6 address")]
    [InlineData("::1:80", "too many colons")]
    [InlineData("80/sctp", "the protocol is \"tcp\" or \"udp\", not \"sctp\"")]
    [InlineData("example.com:80", "\"example.com\" is not an IP address")]
    public void What_can_not_be_published_is_told(string text, string expected)
    {
        FormatException exception = Assert.Throws<FormatException>(() => PublishedPort.Parse(text));
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
        Assert.StartsWith($"\"{text}\" can't be published: ", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("*", "*")]
    [InlineData("*:443", "*:443")]
    [InlineData("Example.COM.:443", "example.com:443")]
    [InlineData("db", "db")]
    [InlineData("10.0.0.1", "10.0.0.1")]
    [InlineData("10.0.0.1:3306", "10.0.0.1:3306")]
    [InlineData("[::1]:80", "[::1]:80")]
    [InlineData("[::1]", "[::1]")]
    [InlineData("::1", "[::1]")]
    [InlineData("localhost:*", "localhost")]
    public void A_host_to_connect_to_is_read(string text, string expected) => Assert.Equal(expected, ConnectRule.Parse(text).ToString());

    [Theory]
    [InlineData("", "the host is missing")]
    [InlineData(":80", "the host is missing")]
    [InlineData("db:", "\"\" is not a port")]
    [InlineData("db:http", "\"http\" is not a port")]
    [InlineData("db:0", "\"0\" is not a port")]
    [InlineData("http://db", "\"//db\" is not a port")]
    [InlineData("*.example.com", "\"*.example.com\" is neither a name, an IP address nor *")]
    [InlineData("a b", "\"a b\" is neither")]
    [InlineData("[db]:80", "\"db\" is not an IPv6 address")]
    public void What_can_not_be_connected_to_is_told(string text, string expected)
    {
        FormatException exception = Assert.Throws<FormatException>(() => ConnectRule.Parse(text));
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
        Assert.StartsWith($"\"{text}\" can't be connected to: ", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1:8080", "127.0.0.1:8080")]
    [InlineData("[::]:0", "[::]:0")]
    [InlineData("localhost:1", "127.0.0.1:1")]
    public void An_address_to_listen_on_is_read(string text, string expected) =>
        Assert.Equal(IPEndPoint.Parse(expected), ListenAddress.Parse(text));

    [Theory]
    [InlineData("8080", "\"8080\" is not an IP address")]
    [InlineData("127.0.0.1", "the port is missing")]
    [InlineData("127.0.0.1:x", "\"x\" is not a port")]
    [InlineData("db:80", "\"db\" is not an IP address")]
    public void What_can_not_be_listened_on_is_told(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<FormatException>(() => ListenAddress.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void One_port_of_the_guest_can_be_published_once()
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(
            () => new NetworkPolicy { PublishedPorts = [PublishedPort.Parse("80:8080"), PublishedPort.Parse("81:8080")] });
        Assert.Contains("port 8080 is published twice", exception.Message, StringComparison.Ordinal);
        _ = new NetworkPolicy { PublishedPorts = [PublishedPort.Parse("80:8080"), PublishedPort.Parse("81:8080/udp")] };
    }
}
