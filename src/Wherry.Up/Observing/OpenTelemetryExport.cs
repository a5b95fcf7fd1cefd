using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Wherry.Compose;

namespace Wherry.Up.Observing;

/// <summary>Sends metrics, logs and the spans of traced requests by OTLP, where OpenTelemetry's own environment variables say (OTEL_EXPORTER_OTLP_ENDPOINT and the others).</summary>
internal sealed class OpenTelemetryExport : IDisposable
{
    private readonly MeterProvider metrics;
    private readonly TracerProvider traces;
    private readonly ILoggerFactory logs;
    private readonly Dictionary<string, ILogger> loggers = [];

    private OpenTelemetryExport(string project)
    {
        void Describe(ResourceBuilder resource)
        {
            if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OTEL_SERVICE_NAME")))
            {
                resource.AddService(project, serviceNamespace: "wherry");
            }
        }

        metrics = Sdk.CreateMeterProviderBuilder().ConfigureResource(Describe).AddMeter("Wherry").AddOtlpExporter().Build();
        traces = Sdk.CreateTracerProviderBuilder().ConfigureResource(Describe).AddSource("Wherry").AddOtlpExporter().Build();
        logs = LoggerFactory.Create(builder => builder.AddOpenTelemetry(options =>
        {
            ResourceBuilder resource = ResourceBuilder.CreateDefault();
            Describe(resource);
            options.SetResourceBuilder(resource).AddOtlpExporter();
        }));
    }

    /// <summary>Begins to send, if the environment says where; null if not.</summary>
    public static OpenTelemetryExport? Start(string project) =>
        string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT")) ? null : new OpenTelemetryExport(project);

    /// <summary>Lines come one after the other.</summary>
    public void Write(LogLine line)
    {
        if (!loggers.TryGetValue(line.Service, out ILogger? logger))
        {
            loggers[line.Service] = logger = logs.CreateLogger($"Wherry.Services.{line.Service}");
        }

        KeyValuePair<string, object?>[] attributes = [new("wherry.service", line.Service), new("wherry.replica", line.Replica), new("wherry.source", line.Source.ToString().ToLowerInvariant())];
        logger.Log(line.Source == LogSource.Error ? LogLevel.Warning : LogLevel.Information, default, attributes, null, (_, _) => line.Text);
    }

    /// <summary>Sends what is left.</summary>
    public void Dispose()
    {
        metrics.Dispose();
        traces.Dispose();
        logs.Dispose();
    }
}
