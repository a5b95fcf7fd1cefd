// Runs a program that was compiled for WASI, with arguments and its output taken by the host.
using System.Text;
using Wherry.Wasi;

using var engine = new Engine();
string path = Path.Combine(AppContext.BaseDirectory, "hello.wasm");
var module = Module.LoadFile(engine, path);

// Nothing is open unless given: no folder, no network, no variable of the environment.
using var output = new MemoryStream();
var options = new WasiOptions
{
    Arguments = ["hello", "embedder"],
    Environment = new Dictionary<string, string> { ["LANGUAGE"] = "en" },
    StandardOutput = output,
};
int exitCode = WasiCommand.Run(engine, module, options, new StoreOptions { TimeLimit = TimeSpan.FromMinutes(1) });
Console.WriteLine($"the guest wrote {output.Length} bytes: {Encoding.UTF8.GetString(output.ToArray()).TrimEnd()}");
Console.WriteLine($"exit code {exitCode}");
return exitCode;
