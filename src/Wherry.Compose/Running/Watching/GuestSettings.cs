using System.Text.Json;

namespace Wherry.Compose.Running.Watching;

/// <summary>Compares descriptions of a service: what a replacement can change, and what it can't.</summary>
internal static class GuestSettings
{
    private static readonly SourceLocation Nowhere = new("", 0, 0);

    /// <summary>Whether two descriptions start the same guest.</summary>
    public static bool AreSame(ComposeService one, ComposeService other) => Describe(Settings(one)) == Describe(Settings(other));

    /// <summary>Whether a guest can take the place of another while that one runs: its ports, its names and whom it depends on are the same.</summary>
    public static bool CanReplace(ComposeService one, ComposeService other) =>
        one.Kind == ComposeServiceKind.Guest && other.Kind == ComposeServiceKind.Guest && Describe(Place(one)) == Describe(Place(other));

    /// <summary>Whether two descriptions are the same altogether.</summary>
    public static bool AreAlike(ComposeService one, ComposeService other) => AreSame(one, other) && Describe(Place(one)) == Describe(Place(other));

    private static string Describe(object value) => JsonSerializer.Serialize(value);

    private static object Settings(ComposeService service) => new
    {
        service.Image,
        service.ModulePath,
        service.StaticFolder,
        service.Process,
        service.Command,
        service.Entrypoint,
        service.Environment,
        service.WorkingDirectory,
        Mounts = service.Mounts.Select(mount => mount with { Location = Nowhere }),
        service.Files,
        service.Restart,
        service.HealthCheck,
        service.Cpus,
        service.MemoryBytes,
        service.StopGracePeriod,
        service.StopSignal,
        service.Idle,
        service.Connect,
    };

    private static object Place(ComposeService service) => new
    {
        service.Kind,
        Ports = service.Ports.Select(port => (object)new { port.Target, port.First, port.Last, Address = port.Address.ToString(), port.IsUdp }),
        service.Expose,
        Networks = service.Networks.OrderBy(network => network.Key, StringComparer.Ordinal),
        service.DependsOn,
        service.Replicas,
        service.StartsOnDemand,
    };
}
