using System.Text.Json;

namespace Wherry.Guests.Tests;

/// <summary>The walk of examples/orders/walk.sh, and what each step must answer.</summary>
internal static class OrderWalk
{
    private const string Done = "{\"status\":true}";

    private static readonly (int Id, int Product, int Quantity, string Amount, string Shipping, string Tax, string Address)[] Orders =
    [
        (1, 12, 2, "56.0", "15.0", "2.0", "Mataderos 2312"),
        (2, 15, 3, "256.0", "30.0", "16.0", "1234 NW Bobcat"),
        (3, 11, 5, "536.0", "50.0", "24.0", "20 Havelock"),
        (4, 8, 8, "126.0", "20.0", "12.0", "224 Pandan Loop"),
        (5, 24, 1, "46.0", "10.0", "2.0", "No.10 Jalan Besar"),
    ];

    public static async Task RunAsync(Service service)
    {
        Assert.Equal(Done, await service.GetAsync("/init"));
        Assert.Equal(Done, await service.PostAsync("/create_orders", $"[{string.Join(",", Orders.Select(Write))}]"));
        await ExpectAsync(service, Orders);
        Assert.Equal(Done, await service.GetAsync("/delete_order?id=2"));
        await ExpectAsync(service, [Orders[0], .. Orders[2..]]);
        Assert.Equal(Done, await service.PostAsync("/update_order", Write((3, 12, 2, "56.0", "15.0", "2.0", "123 Main Street"))));
        await ExpectAsync(service, [Orders[0], (3, 12, 2, "56.0", "15.0", "2.0", "123 Main Street"), .. Orders[3..]]);
        Assert.Equal("any body", await service.PostAsync("/echo", "any body"));
    }

    public static string Order(int id) => Write((id, 1, 1, "1.5", "2.5", "3.5", $"Street {id}"));

    public static async Task<int[]> IdsAsync(Service service)
    {
        using JsonDocument json = JsonDocument.Parse(await service.GetAsync("/orders"));
        return [.. json.RootElement.EnumerateArray().Select(order => order.GetProperty("order_id").GetInt32())];
    }

    private static string Write((int Id, int Product, int Quantity, string Amount, string Shipping, string Tax, string Address) order) =>
        $$"""{"order_id":{{order.Id}},"product_id":{{order.Product}},"quantity":{{order.Quantity}},"amount":{{order.Amount}},"shipping":{{order.Shipping}},"tax":{{order.Tax}},"shipping_address":"{{order.Address}}"}""";

    private static async Task ExpectAsync(Service service, (int Id, int Product, int Quantity, string Amount, string Shipping, string Tax, string Address)[] expected)
    {
        string text = await service.GetAsync("/orders");
        using JsonDocument actual = JsonDocument.Parse(text);
        using JsonDocument wanted = JsonDocument.Parse($"[{string.Join(",", expected.Select(Write))}]");
        Assert.True(JsonElement.DeepEquals(wanted.RootElement, actual.RootElement), text);
    }
}
