using System.Net.Http.Headers;

namespace Wherry.Guests.Tests;

/// <summary>A guest that serves HTTP on a published port.</summary>
internal sealed class Service : IAsyncDisposable
{
    private Service(RunningCommand command, int port)
    {
        Command = command;
        Port = port;
        Client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 4096 })
        {
            BaseAddress = new Uri($"http://127.0.0.1:{port}"),
            Timeout = RunningCommand.Patience,
        };
    }

    public RunningCommand Command { get; }

    public int Port { get; }

    public HttpClient Client { get; }

    public static Task<Service> StartOrdersAsync(params string[] options) => StartAsync(Repository.Example("orders/orders.wasm"), options);

    public static async Task<Service> StartAsync(string module, params string[] options)
    {
        RunningCommand command = RunningCommand.StartWherry(["run", "-p", "0:8080", .. options, module]);
        try
        {
            return new Service(command, await command.WaitForPortAsync());
        }
        catch
        {
            await command.DisposeAsync();
            throw;
        }
    }

    public async Task<string> GetAsync(string path)
    {
        using HttpResponseMessage response = await Client.GetAsync(new Uri(path, UriKind.Relative));
        return await ReadAsync(response);
    }

    public async Task<string> PostAsync(string path, string body)
    {
        // As curl does: the service must not mind the type.
        using var content = new StringContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");
        using HttpResponseMessage response = await Client.PostAsync(new Uri(path, UriKind.Relative), content);
        return await ReadAsync(response);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Command.DisposeAsync();
    }

    private async Task<string> ReadAsync(HttpResponseMessage response)
    {
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode}: {text}\nErrors:\n{Command.Error}");
        return text;
    }
}
