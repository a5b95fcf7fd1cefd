using System.Net.Sockets;
using System.Text.Json.Nodes;
using Wherry.Compose.Logs;

namespace Wherry.Compose.Control;

/// <summary>Asks a running project.</summary>
internal static class ControlClient
{
    /// <summary>Whether the project's process answers.</summary>
    public static bool IsRunning(string project)
    {
        try
        {
            using Socket socket = Connect(project);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Sends a request and gives each line of the answer but the last.</summary>
    /// <exception cref="IOException">The project does not run, or said what is wrong.</exception>
    public static IEnumerable<JsonObject> Ask(string project, JsonObject request)
    {
        using Socket socket = Connect(project);
        using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        stream.Write(System.Text.Encoding.UTF8.GetBytes(request.ToJsonString() + "\n"));
        while (reader.ReadLine() is { } line)
        {
            var answer = (JsonObject)JsonNode.Parse(line)!;
            if ((string?)answer["error"] is { } error)
            {
                throw new IOException(TerminalText.Clean(error));
            }

            if (answer["done"] is not null)
            {
                yield break;
            }

            yield return answer;
        }
    }

    private static Socket Connect(string project)
    {
        ControlPath.CheckFolder();
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(ControlPath.Of(project)));
            return socket;
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException)
        {
            socket.Dispose();
            string others = string.Join(", ", ControlPath.Projects.Where(name => name != project));
            throw new IOException($"the project {project} is not running.{(others.Length > 0 ? $" There are {others} (-p NAME)." : " wherry up starts it.")}", exception);
        }
    }
}
