using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Wherry.Compose;

namespace Wherry.Hosting;

/// <summary>Adds Wherry's services to an application.</summary>
public static class WherryServiceCollectionExtensions
{
    /// <summary>
    /// Hosts the services of a section of the configuration: <c>builder.Services.AddWherry(builder.Configuration.GetSection("Wherry"))</c>. The section's <c>services</c>, <c>networks</c>,
    /// <c>volumes</c>, <c>secrets</c> and <c>configs</c> have the form of a Compose file (docs/COMPOSE.md); its other keys are those of <see cref="WherryHostingOptions"/>, such as
    /// <c>Files</c>.
    /// </summary>
    /// <remarks>
    /// They start with the application, which does not start if they can't, and are stopped with it. Each has a logger, <c>Wherry.Services.NAME</c>, and a health check, <c>wherry-NAME</c>, with
    /// the tag <c>wherry</c>. The <see cref="ProjectRunner"/> is there to be asked for: it shows, restarts and scales them, and connects to them.
    /// </remarks>
    /// <param name="services">The application's services.</param>
    /// <param name="section">The configuration.</param>
    /// <param name="configure">Changes the options that were read.</param>
    /// <exception cref="InvalidOperationException">The section has an unknown key, or the application hosts a project already.</exception>
    public static IServiceCollection AddWherry(this IServiceCollection services, IConfiguration section, Func<WherryHostingOptions, WherryHostingOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(section);
        ConfiguredProject.CheckKeys(section);
        WherryHostingOptions read = section.Get<WherryHostingOptions>() ?? new WherryHostingOptions();
        return services.AddWherry((configure?.Invoke(read) ?? read) with { Services = section });
    }

    /// <summary>Hosts the services that the options name: see <see cref="AddWherry(IServiceCollection, IConfiguration, Func{WherryHostingOptions, WherryHostingOptions}?)"/>.</summary>
    /// <exception cref="InvalidOperationException">The application hosts some already.</exception>
    public static IServiceCollection AddWherry(this IServiceCollection services, WherryHostingOptions options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        if (services.Any(service => service.ServiceType == typeof(ProjectRunner)))
        {
            throw new InvalidOperationException("AddWherry was called already. One application hosts one project: put all services into it.");
        }

        services.AddSingleton(provider => CreateRunner(provider, options));
        services.AddHostedService<ProjectLifetime>();
        services.AddHealthChecks();
        services.AddOptions<HealthCheckServiceOptions>().Configure<ProjectRunner>((checks, runner) =>
        {
            foreach (ComposeService service in runner.Project.Services)
            {
                checks.Registrations.Add(new HealthCheckRegistration($"wherry-{service.Name}", new ServiceHealthCheck(runner, service.Name), null, ["wherry"]));
            }
        });
        return services;
    }

    private static ProjectRunner CreateRunner(IServiceProvider provider, WherryHostingOptions options)
    {
        string root = provider.GetRequiredService<IHostEnvironment>().ContentRootPath;
        ComposeProject project = options.Load(root);
        var logs = new ServiceLogs(provider.GetRequiredService<ILoggerFactory>());
        foreach (ComposeDiagnostic warning in project.Warnings)
        {
            logs.Warn(warning);
        }

        return new ProjectRunner(project, new ProjectRunnerOptions
        {
            AllowsProcesses = options.AllowsProcesses,
            AllowsContainers = options.AllowsContainers,
            Replicas = options.Replicas,
            VolumeFolder = options.VolumeFolder is { } folder ? Path.GetFullPath(folder, root) : null,
            CodeCache = options.UsesCodeCache ? new CodeCache() : null,
            Log = logs.Write,
        });
    }
}
