// An ASP.NET Core application that hosts the order service: a guest beside its own endpoints, with its configuration (appsettings.json), logging, health checks and lifetime.
using Wherry.Compose;
using Wherry.Hosting;

// appsettings.json and the module lie beside the program.
WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.Services.AddWherry(builder.Configuration.GetSection("Wherry"));

// The guest's port 8080 is its own, and is not published on the host: the application reaches it by the service's name.
builder.Services.AddHttpClient("orders", client => client.BaseAddress = new Uri("http://orders:8080/"))
    .ConfigurePrimaryHttpMessageHandler(provider => provider.GetRequiredService<ProjectRunner>().CreateHttpHandler());

WebApplication app = builder.Build();
app.MapHealthChecks("/health");
app.MapGet("/services", (ProjectRunner services) => services.Status.Select(status => $"{status.Service}-{status.Replica} {status.State}"));
app.MapGet("/orders", (IHttpClientFactory clients) => clients.CreateClient("orders").GetStringAsync("orders"));
app.MapPost("/orders", async (HttpRequest request, IHttpClientFactory clients) =>
{
    using var order = new StreamContent(request.Body);
    using HttpResponseMessage answer = await clients.CreateClient("orders").PostAsync("create_order", order);
    return Results.Text(await answer.Content.ReadAsStringAsync(), "application/json", statusCode: (int)answer.StatusCode);
});

// Any web page may make a browser send a plain POST here, but none of another origin one with such a header.
app.MapPost("/restart", async (HttpRequest request, ProjectRunner services) =>
{
    if (!request.Headers.ContainsKey("X-Restart"))
    {
        return Results.StatusCode(StatusCodes.Status403Forbidden);
    }

    await services.RestartAsync(["orders"]);
    return Results.Ok();
});
await app.RunAsync();
