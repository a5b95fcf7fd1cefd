using System.Net;
using Wherry.Wasi.Waiting;

namespace Wherry.Wasi.Network;

/// <summary>Gives the turn away while a name is looked up, which may take seconds.</summary>
internal sealed class TurnGivingResolver(NameResolver resolver, Turns turns) : NameResolver
{
    public override async ValueTask<IPAddress[]> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        turns.Leave();
        try
        {
            return await resolver.ResolveAsync(name, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await turns.ResumeAsync().ConfigureAwait(false);
        }
    }
}
