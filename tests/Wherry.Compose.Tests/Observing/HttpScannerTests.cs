using System.Text;
using Wherry.Compose.Observing;

namespace Wherry.Compose.Tests.Observing;

/// <summary>Conversations, whole and in pieces of every size: the counts are the same.</summary>
public sealed class HttpScannerTests
{
    public static TheoryData<string, string[], int[]> Conversations => new()
    {
        { "one request", [">GET / HTTP/1.1\r\nHost: a\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"], [200] },
        { "bare line feeds", [">GET / HTTP/1.0\nHost: a\n\n", "<HTTP/1.0 200 OK\nContent-Length: 5\n\nhello"], [200] },
        { "kept alive", [">GET /a HTTP/1.1\r\n\r\n", "<HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n", ">POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "<HTTP/1.1 500 x\r\nContent-Length: 1\r\n\r\nx"], [404, 500] },
        { "pipelined", [">GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"], [200, 304, 204] },
        { "chunked both ways", [">POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5;name=value\r\nhello\r\n0\r\nTrailer: 1\r\n\r\n", "<HTTP/1.1 201 Created\r\nTransfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", ">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], [201, 200] },
        { "a body that looks like a message", [">POST / HTTP/1.1\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\nHTTP/1.1 500 x\r\n\r\nx"], [200] },
        { "an interim response", [">POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", "<HTTP/1.1 100 Continue\r\n\r\n", ">ok", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], [200] },
        { "HEAD has no body", [">HEAD / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", ">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"], [200, 403] },
        { "a body until the end", [">GET / HTTP/1.0\r\n\r\n", "<HTTP/1.0 200 OK\r\n\r\nHTTP/1.0 500 no\r\n\r\n"], [200] },
        { "cut off within a response", [">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 502 Bad\r\nContent-Length: 100\r\n\r\npart"], [502] },
        { "cut off before a response", [">GET / HTTP/1.1\r\n\r\n"], [] },
        { "a connection that becomes another's", [">GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "<HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", ">GET / HTTP/1.1\r\n\r\n"], [101] },
        { "a tunnel", [">CONNECT a:1 HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\n\r\n", ">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 500 OK\r\nContent-Length: 0\r\n\r\n"], [200] },
        { "a target longer than what is kept", [$">GET /{new string('x', 5000)} HTTP/1.1\r\nCookie: {new string('c', 5000)}\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], [200] },
        { "a line between requests", [">POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx\r\nGET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], [200, 200] },
        { "an early answer", [">POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n", "<HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", ">body", ">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], [413, 200] },

        // What can't be followed is not.
        { "an answer that nobody asked for", ["<HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n", ">GET / HTTP/1.1\r\n\r\n"], [] },
        { "lengths that differ", [">POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "<HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"], [] },
        { "a length that is no number", [">POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\nx", "<HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"], [] },
        { "a length beyond numbers", [">POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nx", "<HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"], [] },
        { "a chunk's size beyond numbers", [">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n", "<HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"], [] },
        { "HTTP/2", [">PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "<\0\0\u0006\u0004\0\0\0\0\0"], [] },
        { "TLS", [">\u0016\u0003\u0001\u0002\0\u0001", "<\u0016\u0003\u0003\0z"], [] },
        { "a database", ["<J\0\0\0\n5.5.5-10.11", ">T\0\0\u0001"], [] },
        { "a line without end", [">GET /" + new string('x', 300_000), "<HTTP/1.1 414 x\r\nContent-Length: 0\r\n\r\n"], [] },
        { "more pipelined requests than are followed", [">" + string.Concat(Enumerable.Repeat("GET / HTTP/1.1\r\n\r\n", 100)), "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], [] },
    };

    [Theory]
    [MemberData(nameof(Conversations), DisableDiscoveryEnumeration = true)]
    public void Requests_are_counted_however_they_arrive(string name, string[] conversation, int[] expected)
    {
        foreach (int piece in new[] { int.MaxValue, 1, 2, 3, 7, 64 })
        {
            var traffic = new TrafficObserver(new HashSet<string>(), new HashSet<string>());
            TrafficCounters counters = traffic.Counters("client", "server");
            var meter = new ConnectionMeter(counters);
            Assert.Equal(1, counters.Describe().OpenConnections);
            foreach (string part in conversation)
            {
                byte[] bytes = Encoding.Latin1.GetBytes(part[1..]);
                for (int at = 0; at < bytes.Length; at += Math.Min(piece, bytes.Length - at))
                {
                    ReadOnlySpan<byte> next = bytes.AsSpan(at, Math.Min(piece, bytes.Length - at));
                    if (part[0] == '>')
                    {
                        meter.FromClient(next);
                    }
                    else
                    {
                        meter.FromService(next);
                    }
                }
            }

            meter.Closed();
            meter.Closed();
            TrafficStatus status = Assert.Single(traffic.Status);
            Assert.Equal(("client", "server", 0L, 1L), (status.From, status.To, status.OpenConnections, status.Connections));
            Assert.Equal(conversation.Where(part => part[0] == '>').Sum(part => part.Length - 1), status.BytesReceived);
            Assert.Equal(conversation.Where(part => part[0] == '<').Sum(part => part.Length - 1), status.BytesSent);
            int[] classes = [.. Enumerable.Range(1, 5).Select(number => expected.Count(code => code / 100 == number))];
            Assert.True(classes.Select(count => (long)count).SequenceEqual(status.RequestsByClass), $"{name}, in pieces of {piece}: {string.Join(' ', status.RequestsByClass)}");
            Assert.Equal(expected.Length, status.RequestsByDuration.Sum());
        }
    }

    [Fact]
    public void Bytes_without_sense_are_counted_and_harm_nothing()
    {
        var random = new Random(1);
        string[] pieces = ["GET / HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n", "Content-Length: ", "Transfer-Encoding: chunked\r\n", "\r\n", "\n", ":", " ", "5", "FFFFFFFF\r\n", "0\r\n", "-1", "x", "\0", "HEAD / HTTP/1.0\r\n\r\n"];
        for (int round = 0; round < 20_000; round++)
        {
            var traffic = new TrafficObserver(new HashSet<string>(), new HashSet<string>());
            var meter = new ConnectionMeter(traffic.Counters(null, "server"));
            long count = 0;
            for (int i = random.Next(1, 30); i > 0; i--)
            {
                byte[] bytes = Encoding.ASCII.GetBytes(pieces[random.Next(pieces.Length)]);
                count += bytes.Length;
                if (random.Next(2) == 0)
                {
                    meter.FromClient(bytes);
                }
                else
                {
                    meter.FromService(bytes);
                }
            }

            meter.Closed();
            TrafficStatus status = Assert.Single(traffic.Status);
            Assert.Equal(count, status.BytesReceived + status.BytesSent);
            Assert.Equal(0, status.OpenConnections);
        }
    }
}
