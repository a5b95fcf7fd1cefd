using System.Diagnostics.Metrics;
using Wherry.Compose.Tests.Up;

namespace Wherry.Compose.Tests.Observing;

/// <summary>What is counted of a project that runs, with real guests, servers and clients.</summary>
public sealed class TrafficTests
{
    [Fact]
    public async Task Published_ports_guests_and_sites_are_counted_and_measured()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["site"]);
        folder.Write("site/hello.txt", "hello");
        string fetch = Repository.Shared("guests/http-client-rust/http-client.wasm");
        folder.Write("compose.yaml", $$$$"""
            name: counted
            services:
              orders: {image: {{{{UpProject.Orders}}}}, ports: ["0:8080"], healthcheck: {x-http: 8080/}}
              site: {x-wherry: {static: ./site}, ports: ["0:80"]}
              fetch:
                image: {{{{fetch}}}}
                command: ["http://orders:8080/", "http://site/hello.txt"]
                depends_on: {orders: {condition: service_healthy}, site: {condition: service_started}}
            """);
        await using var runner = new ProjectRunner(
            ComposeLoader.Load(new ComposeLoadOptions { Folder = folder.Path }), new ProjectRunnerOptions { VolumeFolder = folder["volumes"] });
        using var instruments = new Instruments();
        Assert.True(await runner.StartAsync());
        await WaitAsync(runner, "fetch", status => status.State == ReplicaState.Exited);
        Assert.Equal(0, runner.Status.Single(status => status.Service == "fetch").ExitCode);

        using (var client = new HttpClient { Timeout = RunningCommand.Patience })
        {
            for (int i = 0; i < 10; i++)
            {
                await client.GetStringAsync(Address(runner, "orders", "/"));
            }

            using HttpResponseMessage missing = await client.GetAsync(Address(runner, "orders", "/missing"));
            Assert.Equal(404, (int)missing.StatusCode);
            Assert.Equal("hello", await client.GetStringAsync(Address(runner, "site", "/hello.txt")));
        }

        await WaitForTrafficAsync(runner, all => all.All(status => status.OpenConnections == 0));
        TrafficStatus outside = Find(runner, null, "orders");
        Assert.Equal([0, 10, 0, 1, 0], outside.RequestsByClass);
        Assert.Equal(11, outside.RequestsByDuration.Sum());
        Assert.True(outside.RequestTime > TimeSpan.Zero);
        Assert.True(outside.Connections >= 1);

        // The health check's are not among them.
        TrafficStatus inside = Find(runner, "fetch", "orders");
        Assert.Equal([0, 1, 0, 0, 0], inside.RequestsByClass);
        Assert.Equal(1, inside.Connections);
        Assert.Equal(2, Find(runner, null, "site").RequestsByClass[1]);
        Assert.True(Find(runner, null, "site").BytesSent > 2 * "hello".Length);

        Assert.Equal(11, instruments.Count("wherry.http.request.duration", "orders", ""));
        Assert.Equal(1, instruments.Count("wherry.http.request.duration", "orders", "fetch"));
        instruments.Observe();
        Assert.Equal(10, instruments.Sum("wherry.http.requests", "wherry.service=orders", "wherry.client=", "wherry.status.class=2xx"));
        Assert.Equal(outside.BytesSent, instruments.Sum("wherry.io", "wherry.service=orders", "wherry.client=", "network.io.direction=transmit"));
        Assert.True(instruments.Sum("wherry.memory", "wherry.service=orders", "wherry.replica=1") > 0);
        Assert.Equal(1, instruments.Sum("wherry.replicas", "wherry.service=orders", "wherry.state=running"));
    }

    [Fact]
    public async Task A_guests_connection_to_a_helper_is_counted()
    {
        using var folder = new TemporaryFolder();
        string fetch = Repository.Shared("guests/http-client-rust/http-client.wasm");
        folder.Write("compose.yaml", $$$$"""
            services:
              helper:
                x-wherry: {process: [perl, serve.pl]}
                expose: [80]
                healthcheck: {x-tcp: 80}
              fetch: {image: {{{{fetch}}}}, command: ["http://helper/"], depends_on: {helper: {condition: service_healthy}}}
            """);
        folder.Write("serve.pl", """
            use IO::Socket::INET;
            my $server = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => $ENV{WHERRY_PORT_80}, ReuseAddr => 1) or die;
            while (my $client = $server->accept) {
                while (defined(my $line = <$client>)) { last if $line =~ /^\r?$/ }
                print $client "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                close $client;
            }

            """);
        await using var runner = new ProjectRunner(
            ComposeLoader.Load(new ComposeLoadOptions { Folder = folder.Path }), new ProjectRunnerOptions { VolumeFolder = folder["volumes"], AllowsProcesses = true });
        Assert.True(await runner.StartAsync());
        await WaitAsync(runner, "fetch", status => status.State == ReplicaState.Exited);
        await WaitForTrafficAsync(runner, all => all.All(status => status.OpenConnections == 0));
        TrafficStatus status = Find(runner, "fetch", "helper");
        Assert.Equal([0, 1, 0, 0, 0], status.RequestsByClass);
        Assert.Equal(1, status.Connections);
        Assert.Equal("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".Length, status.BytesSent);
    }

    private static TrafficStatus Find(ProjectRunner runner, string? from, string to) => Assert.Single(runner.Traffic, status => status.From == from && status.To == to);

    private static Uri Address(ProjectRunner runner, string service, string path) =>
        new($"http://{runner.Status.First(status => status.Service == service).Ports[0].Split("->")[0]}{path}");

    private static async Task WaitAsync(ProjectRunner runner, string service, Predicate<ReplicaStatus> isGood)
    {
        using var limit = new CancellationTokenSource(RunningCommand.Patience);
        while (!runner.Status.Any(status => status.Service == service && isGood(status)))
        {
            await Task.Delay(50, limit.Token);
        }
    }

    private static async Task WaitForTrafficAsync(ProjectRunner runner, Predicate<IReadOnlyList<TrafficStatus>> isGood)
    {
        using var limit = new CancellationTokenSource(RunningCommand.Patience);
        while (!isGood(runner.Traffic))
        {
            await Task.Delay(50, limit.Token);
        }
    }

    /// <summary>Listens to the meter, as an application's exporter does.</summary>
    private sealed class Instruments : IDisposable
    {
        private readonly MeterListener listener = new();
        private readonly List<(string Name, double Value, string[] Tags)> all = [];

        public Instruments()
        {
            listener.InstrumentPublished = (instrument, own) =>
            {
                if (instrument.Meter.Name == "Wherry" && instrument.Meter.Tags!.Contains(new("wherry.project", "counted")))
                {
                    own.EnableMeasurementEvents(instrument);
                }
            };
            listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
            listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
            listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
            listener.Start();
        }

        public int Count(string name, string service, string client)
        {
            lock (all)
            {
                return all.Count(each => each.Name == name && each.Tags.Contains($"wherry.service={service}") && each.Tags.Contains($"wherry.client={client}"));
            }
        }

        public double Sum(string name, params string[] tags)
        {
            lock (all)
            {
                return all.Where(each => each.Name == name && tags.All(each.Tags.Contains)).Sum(each => each.Value);
            }
        }

        public void Observe() => listener.RecordObservableInstruments();

        public void Dispose() => listener.Dispose();

        private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string[] texts = [.. tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}")];
            lock (all)
            {
                all.Add((instrument.Name, value, texts));
            }
        }
    }
}
