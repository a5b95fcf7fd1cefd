using Wherry.Compose;

namespace Wherry.Hosting;

/// <summary>HTTP to the services of a project.</summary>
public static class ProjectHttpExtensions
{
    /// <summary>
    /// A handler for <see cref="HttpClient"/> that connects to the project's services by their names and their own ports, as in <c>http://server:8080/</c>: they need not be published, and guests are
    /// reached without the system's network. Hosts that are no services are not reached.
    /// </summary>
    /// <param name="project">The project.</param>
    public static SocketsHttpHandler CreateHttpHandler(this ProjectRunner project)
    {
        ArgumentNullException.ThrowIfNull(project);
        return new SocketsHttpHandler
        {
            ConnectCallback = async (context, cancellationToken) => await project.ConnectAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, cancellationToken).ConfigureAwait(false),
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
        };
    }
}
