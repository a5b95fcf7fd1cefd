using Wherry.Compose.Yaml;

namespace Wherry.Compose.Loading;

/// <summary>Reads when a service starts and leaves: <c>start</c> and <c>idle</c> of <c>x-wherry</c>.</summary>
internal sealed class DemandReader(ValueReader values, DiagnosticList diagnostics)
{
    public ComposeService Read(ComposeService service, YamlMapping extension, string what)
    {
        string? start = values.Text(extension, "start", $"{what}.x-wherry.start");
        TimeSpan? idle = values.Duration(extension, "idle", $"{what}.x-wherry.idle");
        switch (start)
        {
            case null or "at-once":
                if (idle is not null)
                {
                    diagnostics.Warn(extension["idle"]!.Location, $"{what}.x-wherry.idle has no effect without start: on-demand");
                }

                return service;
            case "on-demand":
                break;
            default:
                diagnostics.Error(extension["start"]!.Location, $"{what}.x-wherry.start is on-demand or at-once, not \"{start}\".");
                return service;
        }

        if (service.Kind != ComposeServiceKind.Guest)
        {
            diagnostics.Error(extension["start"]!.Location, $"{what}.x-wherry.start: only guests can be started on demand. Remove it.");
        }
        else if (service.Networks.Count == 0 || (!service.Ports.Any(port => !port.IsUdp) && service.Expose.Count == 0))
        {
            diagnostics.Error(extension["start"]!.Location, $"{what}.x-wherry.start: on-demand needs a port whose connections start the service. Name it: expose: [8080], or ports: [\"8080:8080\"]");
        }

        return service with { StartsOnDemand = true, Idle = idle ?? service.Idle };
    }
}
