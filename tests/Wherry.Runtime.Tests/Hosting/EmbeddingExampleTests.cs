using System.Diagnostics;

namespace Wherry.Tests.Hosting;

/// <summary>The programs that the documentation shows must run, and say what it says.</summary>
public sealed class EmbeddingExampleTests
{
#if DEBUG
    private const string Configuration = "Debug";
#else
    private const string Configuration = "Release";
#endif

    [Theory]
    [InlineData("Calling", "add(40, 2) = 42|divide(17, 5) = 3, 2|trap IntegerDivideByZero: integer divide by zero|65536 bytes of memory|cancelled")]
    [InlineData("HostFunctions", "Hello from the guest|the counter is at 7, the guest returned 21")]
    [InlineData("Pooling", "NAME=Ada: request 1 of this instance|NAME=Bob: request 1 of this instance|NAME=Cleo: request 1 of this instance|0 in use")]
    [InlineData("WasiGuest", "the guest wrote 17 bytes: Hello, embedder!|exit code 0")]
    public async Task The_example_runs_and_prints_what_it_should(string name, string lines)
    {
        string program = Path.Combine(FindRoot(), "examples", "embedding", name, "bin", Configuration, "net10.0", $"{name}.dll");
        Assert.True(File.Exists(program), $"{program} was not built");
        var start = new ProcessStartInfo("dotnet", [program]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal("", await errors);
        Assert.Equal(lines.Split('|'), output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Assert.Equal(0, process.ExitCode);
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Wherry.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("The tests run outside of the project.");
    }
}
