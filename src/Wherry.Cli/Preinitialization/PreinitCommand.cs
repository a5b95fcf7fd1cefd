using System.CommandLine;
using Wherry.Aot;
using Wherry.Cli.Options;
using Wherry.Cli.Output;
using Wherry.Cli.Running;
using Wherry.Preinitialization;
using Wherry.Wasi;

namespace Wherry.Cli.Preinitialization;

/// <summary><c>wherry preinit</c>: runs a module's initialization once, and saves a module that starts with what it left.</summary>
internal sealed class PreinitCommand
{
    private const string ReactorEntry = "_initialize";

    public required string ModulePath { get; init; }

    public required string Function { get; init; }

    public required string Output { get; init; }

    public required Permission Allowed { get; init; }

    public required WasiOptions Wasi { get; init; }

    public TimeSpan? TimeLimit { get; init; }

    public static Command Create()
    {
        var module = new Argument<string>("app.wasm") { Description = "The module.", Arity = ArgumentArity.ExactlyOne };
        Option<string?> init = OptionFactory.Single("--init", "FUNCTION", "The exported function to run, without parameters and results.", text => text);
        Option<string?> output = OptionFactory.Single("--output", "FILE", "The file to write; app.init.wasm beside the module unless given.", text => text, "-o");
        Option<Permission[]> allow = OptionFactory.Repeated("--allow", "LIST", "What the function may ask for: clock, random, environment, files, sockets.", Permissions.Parse);
        Option<KeyValuePair<string, string>[]> environment = OptionFactory.Repeated("--env", "NAME=VALUE", "An environment variable, which allows environment.", EnvironmentVariables.Parse, "-e");
        Option<PreopenedDirectory[]> folders = OptionFactory.Repeated("--dir", "GUEST:HOST[:readonly]", "A folder, which allows files.", Folders.Parse);
        Option<ConnectRule[]> connect = OptionFactory.Repeated("--connect", "HOST[:PORT]", "A host to connect to, which allows sockets.", ConnectRule.Parse);
        Option<TimeSpan?> timeLimit = OptionFactory.Single<TimeSpan?>("--time-limit", "MILLISECONDS", "Ends the function after so long.", text => TimeSpan.FromMilliseconds(Quantities.ParseCount("--time-limit", text, int.MaxValue, "a number of milliseconds")));
        Option<WasmFeatures?> features = OptionFactory.Single<WasmFeatures?>(
            "--features", "LIST", "Proposals that the module may use, such as wasm3 or simd,-threads.", text => FeatureList.Parse(text));
        var command = new Command("preinit", "Runs a module's initialization once and saves a module that starts with what it left: memory, globals, tables.")
        {
            init, output, allow, environment, folders, connect, timeLimit, features, module,
        };
        command.SetAction(result =>
        {
            string path = result.GetValue(module)!;
            KeyValuePair<string, string>[] variables = result.GetValue(environment) ?? [];
            PreopenedDirectory[] directories = result.GetValue(folders) ?? [];
            ConnectRule[] rules = result.GetValue(connect) ?? [];
            Permission allowed = (result.GetValue(allow) ?? []).Aggregate(Permission.None, (all, next) => all | next)
                | (variables.Length > 0 ? Permission.Environment : 0) | (directories.Length > 0 ? Permission.Files : 0) | (rules.Length > 0 ? Permission.Sockets : 0);
            return new PreinitCommand
            {
                ModulePath = path,
                Function = result.GetValue(init) ?? throw CommandException.Usage("which function? --init FUNCTION is missing. See wherry preinit --help."),
                Output = result.GetValue(output) ?? Path.ChangeExtension(path == "-" ? "stdin" : path, ".init.wasm"),
                Allowed = allowed,
                TimeLimit = result.GetValue(timeLimit),
                Wasi = new WasiOptions
                {
                    Arguments = [Path.GetFileName(path)],
                    Environment = variables.Reverse().DistinctBy(variable => variable.Key).ToDictionary(),
                    StandardInput = Stream.Null,
                    Directories = directories,
                    NetworkPolicy = new NetworkPolicy { ConnectRules = [.. rules], Denied = Terminal.Note },
                },
            }.Run(new Engine(new EngineOptions { Features = result.GetValue(features) ?? WasmFeatures.Default }));
        });
        return command;
    }

    private int Run(Engine engine)
    {
        Module module = ModuleFile.Load(ModulePath, ModuleFile.Read(ModulePath), engine);
        if (module.Exports.FirstOrDefault(export => export.Name == Function)?.Type.Function is not { Parameters.Length: 0, Results.Length: 0 })
        {
            throw CommandException.Usage($"{ModulePath} exports no function '{Function}' without parameters and results.");
        }

        byte[] saved;
        try
        {
            saved = Initialize(engine, module);
        }
        catch (SnapshotException exception)
        {
            throw CommandException.CannotRun($"{ModulePath} can't be saved: {exception.Message}");
        }

        // What is written must be a module, whatever happens.
        _ = ModuleFile.Load(Output, saved, engine);
        try
        {
            AtomicFile.Write(Output, saved);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new CommandException(ExitCodes.Failure, exception.Message);
        }

        return ExitCodes.Success;
    }

    private byte[] Initialize(Engine engine, Module module)
    {
        ModuleSnapshot.CheckImports(module);
        using WasiContext wasi = Open();
        using var store = new Store(engine, new StoreOptions { TimeLimit = TimeLimit });
        var linker = new Linker(engine);
        RefusedImports.Define(linker, module, Allowed);
        wasi.AddTo(linker);
        int descriptors = wasi.Descriptors.Count;
        Instance instance = Call(() => linker.Instantiate(store, module));
        if (Function != ReactorEntry && instance.GetFunction(ReactorEntry) is { } initialize)
        {
            _ = Call(() => initialize.CallAsync([]).GetAwaiter().GetResult());
        }

        _ = Call(() => instance.GetFunction(Function)!.CallAsync([]).GetAwaiter().GetResult());
        if (wasi.Descriptors.Count != descriptors)
        {
            throw new SnapshotException($"{Function} left files or sockets open: those can't be saved.");
        }

        return ModuleSnapshot.Write(instance, [Function, ReactorEntry]);
    }

    private WasiContext Open()
    {
        try
        {
            return new WasiContext(Wasi);
        }
        catch (Exception exception) when (exception is IOException or PlatformNotSupportedException or UnauthorizedAccessException)
        {
            throw CommandException.CannotRun(exception.Message);
        }
    }

    private T Call<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (LinkException exception)
        {
            throw CommandException.CannotRun(exception.Message);
        }
        catch (RefusedCallException exception)
        {
            throw CommandException.CannotRun($"{Function} of {ModulePath} can't be run ahead: {exception.Message}");
        }
        catch (GuestExitException exit)
        {
            throw CommandException.CannotRun($"{Function} of {ModulePath} ended the program with exit code {(uint)exit.ExitCode}: there is nothing to save.");
        }
        catch (TrapException trap) when (trap.Kind == TrapKind.TimeLimit)
        {
            throw new CommandException(ExitCodes.TimeLimit, $"the time limit was over before {Function} of {ModulePath} ended.");
        }
        catch (TrapException trap)
        {
            throw new CommandException(ExitCodes.Trap, TrapMessage.Describe(trap));
        }
    }
}
