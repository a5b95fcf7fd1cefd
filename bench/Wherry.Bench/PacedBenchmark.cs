using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Wherry.Bench;

/// <summary>How long a service takes to answer, where it has time enough between two requests: what a person sees, and not how much it can do at most.</summary>
internal static class PacedBenchmark
{
    public static int Run(Settings settings)
    {
        int perSecond = settings.Number("per-second", 200);
        int count = settings.Number("seconds", 10) * perSecond;
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(IPAddress.Loopback, settings.Number("port", 8080));
        byte[] request = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        var answer = new byte[4096];
        var times = new List<double>(count);
        for (int i = 0; i < perSecond; i++)
        {
            // Not counted: this program's own first steps.
            _ = socket.Send(request);
            _ = socket.Receive(answer);
        }

        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
        {
            TimeSpan early = TimeSpan.FromSeconds((double)i / perSecond) - Stopwatch.GetElapsedTime(start);
            if (early > TimeSpan.Zero)
            {
                Thread.Sleep(early);
            }

            long asked = Stopwatch.GetTimestamp();
            _ = socket.Send(request);
            if (socket.Receive(answer) == 0)
            {
                Console.Error.WriteLine("The service has closed the connection.");
                return 1;
            }

            times.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
        }

        times.Sort();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{settings.Text("name", "paced")}, {perSecond} requests a second: p50 {times[count / 2]:0.00}, p90 {times[count * 9 / 10]:0.00}, p99 {times[count * 99 / 100]:0.00}, longest {times[^1]:0.00} ms"));
        return 0;
    }
}
