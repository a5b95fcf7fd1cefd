using System.Net.Sockets;
using System.Text;
using Wherry.Wasi.Tests.Guests;

namespace Wherry.Wasi.Tests.Sockets;

/// <summary>Modules that import the extension, run by the engine.</summary>
public sealed class SocketProgramTests
{
    private const int Port = 8080;

    [Fact]
    public void Each_function_is_found_by_its_name_and_type()
    {
        MemoryStream output = new();
        int code = Run("sockets", new WasiOptions { NetworkPolicy = NetworkPolicy.Host, StandardOutput = output });
        Assert.Equal("all is well\n", Encoding.UTF8.GetString(output.ToArray()));
        Assert.Equal(0, code);
    }

    [Fact]
    public async Task A_server_on_poll_answers_many_clients()
    {
        TaskCompletionSource<ListeningPort> listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<int> serving = Serve(listening);
        ListeningPort port = await listening.Task.WaitAsync(TimeSpan.FromSeconds(60));
        List<TcpClient> clients = [];
        try
        {
            byte[] buffer = new byte[100];
            for (int i = 0; i < 200; i++)
            {
                TcpClient client = new();
                clients.Add(client);
                await client.ConnectAsync(port.EndPoint);
            }

            for (int round = 0; round < 3; round++)
            {
                for (int i = round; i < clients.Count; i += 7)
                {
                    byte[] message = Encoding.UTF8.GetBytes($"round {round} client {i}");
                    await clients[i].GetStream().WriteAsync(message);
                    await clients[i].GetStream().ReadExactlyAsync(buffer.AsMemory(0, message.Length)).AsTask().WaitAsync(TimeSpan.FromSeconds(60));
                    Assert.Equal(message, buffer[..message.Length]);
                }
            }

            clients[50].Dispose();
            await clients[0].GetStream().WriteAsync("end"u8.ToArray());
            Assert.Equal(0, await serving.WaitAsync(TimeSpan.FromSeconds(60)));
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    private static Task<int> Serve(TaskCompletionSource<ListeningPort> listening)
    {
        WasiOptions options = new()
        {
            Arguments = ["pollserver", $"{Port}"],
            NetworkPolicy = new NetworkPolicy { PublishedPorts = [new PublishedPort(0, Port)], Listening = port => listening.TrySetResult(port) },
        };
        return Task.Factory.StartNew(() => Run("pollserver", options), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private static int Run(string name, WasiOptions options)
    {
        Module module = CompiledGuest.Load(name);
        using WasiContext context = new(options);
        Linker linker = new(Engine.Default);
        context.AddTo(linker);
        using Store store = new(Engine.Default);
        try
        {
            linker.Instantiate(store, module).GetFunction("_start")!.Invoke();
            return 0;
        }
        catch (GuestExitException exit)
        {
            return exit.ExitCode;
        }
    }
}
