using System.Net;
using Wherry.Wasi.Network;
using Wherry.Wasi.Network.InProcess;
using Wherry.Wasi.Tests.Sockets;

namespace Wherry.Wasi.Tests.Network;

/// <summary>A network inside the process, with guests on it, which end with the test.</summary>
public abstract class NetworkTests : IDisposable
{
    private readonly List<IDisposable> open = [];

    private protected InProcessNetwork Network { get; } = new();

    public void Dispose()
    {
        Dispose(isDisposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool isDisposing)
    {
        foreach (IDisposable each in Enumerable.Reverse(open))
        {
            each.Dispose();
        }
    }

    private protected static Dictionary<string, IReadOnlyList<string>> Networks(params string[] names) => names.ToDictionary(name => name, _ => (IReadOnlyList<string>)[]);

    private protected static IPAddress Resolve(SocketGuest guest, string name)
    {
        Assert.True(guest.Context.Options.NetworkMember!.TryResolve(name, out IPAddress? address));
        return address;
    }

    private protected (SocketGuest Guest, NetworkService Service) Guest(string name, params string[] networks) => Guest(name, NetworkPolicy.None, networks);

    private protected (SocketGuest Guest, NetworkService Service) Guest(string name, NetworkPolicy policy, params string[] networks)
    {
        NetworkService service = Network.AddService(name, Networks(networks.Length == 0 ? ["default"] : networks));
        return (Member(service, policy), service);
    }

    private protected SocketGuest Member(NetworkService service, NetworkPolicy? policy = null, EgressRecord? egress = null)
    {
        NetworkMember member = service.AddMember();
        var guest = new SocketGuest(policy ?? NetworkPolicy.None, new WasiOptions { NetworkMember = member, Egress = egress });
        open.Add(member);
        open.Add(guest);
        return guest;
    }
}
