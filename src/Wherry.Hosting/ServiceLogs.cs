using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Wherry.Compose;

namespace Wherry.Hosting;

/// <summary>Passes the services' lines on to loggers, one for each service.</summary>
internal sealed partial class ServiceLogs(ILoggerFactory factory)
{
    private readonly ConcurrentDictionary<string, ILogger> loggers = new();
    private readonly ILogger own = factory.CreateLogger("Wherry");

    public void Write(LogLine line)
    {
        ILogger logger = loggers.GetOrAdd(line.Service, name => factory.CreateLogger($"Wherry.Services.{name}"));
        switch (line.Source)
        {
            case LogSource.Output:
                Output(logger, line.Service, line.Replica, line.Text);
                break;
            case LogSource.Error:
                Error(logger, line.Service, line.Replica, line.Text);
                break;
            default:
                Event(logger, line.Service, line.Replica, line.Text);
                break;
        }
    }

    public void Warn(ComposeDiagnostic warning) => Warning(own, warning);

    [LoggerMessage(1, LogLevel.Information, "{Service}-{Replica}: {Line}", EventName = "Output")]
    private static partial void Output(ILogger logger, string service, int replica, string line);

    // What a program writes to standard error need not be an error, but it is what should be seen first.
    [LoggerMessage(2, LogLevel.Warning, "{Service}-{Replica}: {Line}", EventName = "Error")]
    private static partial void Error(ILogger logger, string service, int replica, string line);

    [LoggerMessage(3, LogLevel.Information, "{Service}-{Replica}: {Event}", EventName = "Event")]
    private static partial void Event(ILogger logger, string service, int replica, string @event);

    [LoggerMessage(4, LogLevel.Warning, "{Diagnostic}", EventName = "Diagnostic")]
    private static partial void Warning(ILogger logger, ComposeDiagnostic diagnostic);
}
