using System.Collections.Concurrent;

namespace Wherry.Guests.Tests;

/// <summary>The order service with the database inside the guest.</summary>
public sealed class OrdersOnSqliteTests
{
    [Theory]
    [InlineData("guard")]
    [InlineData("explicit")]
    public async Task The_walk_succeeds_in_memory(string checks)
    {
        await using Service service = await Service.StartOrdersAsync("--bounds-checks", checks);
        await OrderWalk.RunAsync(service);
    }

    [Fact]
    public async Task The_walk_succeeds_as_the_readme_shows_it()
    {
        await using Service service = await Service.StartOrdersAsync();
        Result walk = await RunningCommand.RunAsync("bash", Repository.Example("orders/walk.sh"), $"http://127.0.0.1:{service.Port}");
        string[] lines = walk.Expect(0).Output.TrimEnd('\n').Split('\n');
        Assert.Equal(7, lines.Length);
        Assert.Equal("{\"status\":true}", lines[0]);
        Assert.Equal(
            """[{"order_id":1,"product_id":12,"quantity":2,"amount":56.0,"shipping":15.0,"tax":2.0,"shipping_address":"Mataderos 2312"},{"order_id":3,"product_id":12,"quantity":2,"amount":56.0,"shipping":15.0,"tax":2.0,"shipping_address":"123 Main Street"},{"order_id":4,"product_id":8,"quantity":8,"amount":126.0,"shipping":20.0,"tax":12.0,"shipping_address":"224 Pandan Loop"},{"order_id":5,"product_id":24,"quantity":1,"amount":46.0,"shipping":10.0,"tax":2.0,"shipping_address":"No.10 Jalan Besar"}]""",
            lines[6]);
    }

    [Fact]
    public async Task Orders_in_a_file_survive_a_restart()
    {
        using var folder = new TemporaryFolder();
        await using (Service service = await StartWithFileAsync(folder))
        {
            await OrderWalk.RunAsync(service);
        }

        await using Service again = await StartWithFileAsync(folder);
        int[] ids = await OrderWalk.IdsAsync(again);
        Assert.Equal([1, 3, 4, 5], ids);
    }

    // In a guest, SQLite locks a database by a folder beside it, which a killed host leaves behind; whoever starts the service again removes it. A
    // service that has the database for itself can do without the lock.
    [Theory]
    [InlineData("sqlite:/data/orders.db")]
    [InlineData("sqlite:file:/data/orders.db?nolock=1")]
    public async Task Every_acknowledged_order_is_there_after_the_host_was_killed(string url)
    {
        using var folder = new TemporaryFolder();
        var acknowledged = new ConcurrentBag<int>();
        int next = 0;
        for (int round = 0; round < 3; round++)
        {
            await using Service service = await StartWithFileAsync(folder, url);
            if (round == 0)
            {
                await service.GetAsync("/init");
            }

            // Four writers; the host is killed in the midst of their work, after some orders were acknowledged in this round.
            int before = acknowledged.Count;
            using var enough = new SemaphoreSlim(0);
            Task[] writers = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
            {
                try
                {
                    while (true)
                    {
                        int id = Interlocked.Increment(ref next);
                        await service.PostAsync("/create_order", OrderWalk.Order(id));
                        acknowledged.Add(id);
                        if (acknowledged.Count >= before + 25)
                        {
                            enough.Release();
                        }
                    }
                }
                catch (HttpRequestException)
                {
                    // The host is gone.
                }
            }))];
            Assert.True(await enough.WaitAsync(RunningCommand.Patience), service.Command.Error);
            service.Command.KillAtOnce();
            await Task.WhenAll(writers).WaitAsync(RunningCommand.Patience);
            await service.DisposeAsync();
            if (Directory.Exists(folder["orders.db.lock"]))
            {
                Assert.DoesNotContain("nolock", url, StringComparison.Ordinal);
                Directory.Delete(folder["orders.db.lock"]);
            }
        }

        await using Service last = await StartWithFileAsync(folder, url);
        HashSet<int> there = [.. await OrderWalk.IdsAsync(last)];
        Assert.DoesNotContain(acknowledged, id => !there.Contains(id));
        Assert.True(acknowledged.Count >= 75);
    }

    private static Task<Service> StartWithFileAsync(TemporaryFolder folder, string url = "sqlite:/data/orders.db") =>
        Service.StartOrdersAsync("--dir", $"/data:{folder.Path}", "--env", $"DATABASE_URL={url}");
}
