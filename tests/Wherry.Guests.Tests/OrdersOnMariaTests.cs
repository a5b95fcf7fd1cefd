namespace Wherry.Guests.Tests;

/// <summary>Guests that keep their data in a real MariaDB.</summary>
public sealed class OrdersOnMariaTests(MariaDatabase database) : IClassFixture<MariaDatabase>
{
    [Fact]
    public async Task The_walk_succeeds_on_the_same_module()
    {
        database.Require();
        await using Service service = await Service.StartOrdersAsync(
            "--connect", $"127.0.0.1:{database.Port}", "--env", $"DATABASE_URL=mysql://root:secret@127.0.0.1:{database.Port}/shop");
        await OrderWalk.RunAsync(service);
    }

    [Fact]
    public async Task The_walk_succeeds_with_the_database_by_name()
    {
        database.Require();
        await using Service service = await Service.StartOrdersAsync(
            "--connect", $"localhost:{database.Port}", "--env", $"DATABASE_URL=mysql://root:secret@localhost:{database.Port}/shop");
        await OrderWalk.RunAsync(service);
    }

    [Fact]
    public async Task Without_leave_to_connect_the_guest_is_told_and_the_service_goes_on()
    {
        database.Require();
        await using Service service = await Service.StartOrdersAsync("--env", $"DATABASE_URL=mysql://root:secret@127.0.0.1:{database.Port}/shop");
        using HttpResponseMessage response = await service.Client.GetAsync(new Uri("/init", UriKind.Relative));
        Assert.False(response.IsSuccessStatusCode);
        Assert.Equal("still here", await service.PostAsync("/echo", "still here"));
        Assert.Matches($"--connect (localhost|127.0.0.1):{database.Port}", service.Command.Error);
    }

    [Fact]
    public async Task The_walk_succeeds_in_Go()
    {
        database.Require();
        await using Service service = await Service.StartAsync(
            Repository.Shared("guests/orders-go/orders-go.wasm"),
            "--connect", $"127.0.0.1:{database.Port}", "--env", $"DATABASE_URL=root:secret@tcp(127.0.0.1:{database.Port})/go");
        Assert.Equal("The order service, in Go.\n", await service.GetAsync("/"));
        await OrderWalk.RunAsync(service);
    }

    [Fact]
    public async Task The_blocking_client_walks_through_the_database()
    {
        database.Require();
        Result result = await RunningCommand.WherryAsync(
            "run", "--connect", $"127.0.0.1:{database.Port}", "--env", $"DATABASE_URL=mysql://root:secret@127.0.0.1:{database.Port}/shop",
            Repository.Shared("guests/mysql-rust/mysql-walk.wasm"));
        string[] lines = result.Expect(0).Output.Split('\n', 2);
        Assert.Matches(@"^server \d+\.\d+$", lines[0]);
        Assert.Equal(
            """
            inserted 100, weight 631.25
            deleted 50 and rolled back
            [(7, "O'Brien"), (100, "Straße 100")]
            3000000 bytes came back unchanged
            MySqlError { ERROR 1146 (42S02): Table 'shop.nowhere' doesn't exist }

            """,
            lines[1]);
    }
}
