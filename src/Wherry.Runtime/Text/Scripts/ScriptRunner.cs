namespace Wherry.Text.Scripts;

/// <summary>
/// Runs a test script. All its instances live in one store, but each of its threads has an OS thread and a store of its own, in which the instances that it
/// shares may be imported from as far as they export shared memories. An assertion holds only if what happens is of the asserted kind: a trap with the
/// asserted cause, a refusal at the asserted stage and in the asserted words. Whatever the engine does not support, or fails at by itself, is a failure.
/// </summary>
internal sealed class ScriptRunner : IDisposable
{
    private const int StackSize = 16 << 20;

    private readonly TextSource source;
    private readonly WatOptions watOptions;
    private readonly Engine engine;
    private readonly Store store;
    private readonly Linker linker;
    private readonly Func<Linker, Store, Module, Instance> instantiate;
    private readonly Func<Function, object?[], object?[]> call;
    private readonly Dictionary<string, Module> modules = [];
    private readonly Dictionary<string, Instance> instances = [];
    private readonly Dictionary<string, (Thread Thread, ScriptRunner Runner)> threads = [];
    private readonly List<ScriptFailure> failures = [];
    private Module? lastModule;
    private Instance? lastInstance;
    private int passed;

    private ScriptRunner(TextSource source, Engine engine, Func<Linker, Store, Module, Instance> instantiate, Func<Function, object?[], object?[]> call)
    {
        this.source = source;
        this.instantiate = instantiate;
        this.call = call;
        this.engine = engine;
        store = new Store(engine);
        watOptions = WatOptions.Default with { Features = engine.Options.Features };
        linker = new Linker(engine) { AllowShadowing = true };
        SpectestModule.AddTo(linker, store, engine.Options.Features);
    }

    /// <summary>Runs the script in a file.</summary>
    /// <param name="options">The features and the kind of bounds checks that it is run with.</param>
    /// <param name="instantiate">Makes the instances that the script's modules define; null for <see cref="Linker.Instantiate"/>.</param>
    /// <param name="call">Calls functions of instances; null for <see cref="Function.Invoke"/>.</param>
    public static ScriptResult Run(string file, EngineOptions options, Func<Linker, Store, Module, Instance>? instantiate = null, Func<Function, object?[], object?[]>? call = null) =>
        Run(File.ReadAllBytes(file), file, options, instantiate, call);

    /// <summary>Runs a script.</summary>
    /// <param name="text">The script.</param>
    /// <param name="file">The name to show.</param>
    /// <param name="options">The features and the kind of bounds checks that it is run with.</param>
    /// <param name="instantiate">Makes the instances that the script's modules define; null for <see cref="Linker.Instantiate"/>.</param>
    /// <param name="call">Calls functions of instances; null for <see cref="Function.Invoke"/>.</param>
    public static ScriptResult Run(
        byte[] text, string file, EngineOptions options, Func<Linker, Store, Module, Instance>? instantiate = null, Func<Function, object?[], object?[]>? call = null)
    {
        string group = SuiteFeatures.Group(file);
        TextSource source;
        ScriptCommand[] commands;
        try
        {
            source = new TextSource(text, file);
            commands = ScriptParser.Parse(source);
        }
        catch (TextFormatException error)
        {
            return new ScriptResult(file, group, 0, [new ScriptFailure(error.Line, "script", error.Message, false)]);
        }

        using var engine = new Engine(options);
        using var runner = new ScriptRunner(source, engine, instantiate ?? (static (linker, store, module) => linker.Instantiate(store, module)), call ?? (static (function, arguments) => function.Invoke(arguments)));

        // A thread of its own, so that the guests' stack is the same wherever the script is run from.
        var thread = new Thread(() => runner.RunAll(commands), StackSize);
        thread.Start();
        thread.Join();
        return new ScriptResult(file, group, runner.passed, runner.failures);
    }

    public void Dispose()
    {
        foreach ((Thread thread, ScriptRunner runner) in threads.Values)
        {
            thread.Join();
            runner.Dispose();
        }

        store.Dispose();
    }

    private void RunAll(ScriptCommand[] commands)
    {
        foreach (ScriptCommand command in commands)
        {
            string? failure;
            try
            {
                failure = command is WaitCommand wait ? WaitFor(wait.Thread) : Run(command);
            }
            catch (ScriptException error)
            {
                failure = error.Message;
            }
            catch (TextFormatException error)
            {
                failure = $"malformed text: {error.Message}";
            }
            catch (Exception error) when (error is ModuleException or LinkException or TrapException or WasmException)
            {
                failure = $"{error.GetType().Name}: {error.Message}";
            }
#pragma warning disable CA1031 // Whatever the engine throws must be seen as a failure of this directive, and the next ones run.
            catch (Exception error)
            {
                failure = $"internal error: {error}";
            }
#pragma warning restore CA1031

            if (failure is not null)
            {
                failures.Add(new ScriptFailure(source.Locate(command.Offset).Line, Describe(command), failure, command.IsAssertion));
            }
            else if (command.IsAssertion)
            {
                passed++;
            }
        }
    }

    /// <summary>Runs one directive; says why it failed, or null if it did not.</summary>
    private string? Run(ScriptCommand command)
    {
        switch (command)
        {
            case ModuleCommand module:
                DefineModule(module);
                return null;
            case InstanceCommand instance:
                Module definition = instance.Definition is null
                    ? lastModule ?? throw new ScriptException("no module is defined")
                    : modules.GetValueOrDefault(instance.Definition) ?? throw new ScriptException($"unknown module definition ${instance.Definition}");
                AddInstance(instance.Name, instantiate(linker, store, definition));
                return null;
            case RegisterCommand register:
                linker.DefineInstance(register.Module, FindInstance(register.Instance));
                return null;
            case ActionCommand action:
                Perform(action.Action);
                return null;
            case AssertReturnCommand assertion:
                return CheckResults(assertion.Results, Perform(assertion.Action));
            case AssertTrapCommand assertion:
                return CheckTrap(assertion);
            case AssertExhaustionCommand assertion:
                return CheckThrows(() => Perform(assertion.Action), assertion.Message, error => error is TrapException { Kind: TrapKind.StackExhausted } trap && IsCause(trap, assertion.Message));
            case AssertExceptionCommand assertion:
                return CheckThrows(() => Perform(assertion.Action), "an exception of the guest", IsGuestException);
            case AssertRejectedCommand assertion:
                return CheckRejected(assertion);
            case ThreadCommand thread:
                StartThread(thread);
                return null;
            default:
                throw new InvalidOperationException($"no way to run {command.GetType().Name}");
        }
    }

    private static string Describe(ScriptCommand command) => command switch
    {
        AssertReturnCommand assertion => $"assert_return {Describe(assertion.Action)}",
        AssertTrapCommand assertion => $"assert_trap {(assertion.Action is null ? "module" : Describe(assertion.Action))} \"{assertion.Message}\"",
        AssertExceptionCommand assertion => $"assert_exception {Describe(assertion.Action)}",
        AssertExhaustionCommand assertion => $"assert_exhaustion {Describe(assertion.Action)} \"{assertion.Message}\"",
        AssertRejectedCommand assertion => $"assert_{assertion.Rejection.ToString().ToLowerInvariant()} \"{assertion.Message}\"",
        ModuleCommand module => module.Source.Name is string name ? $"module ${name}" : "module",
        InstanceCommand => "module instance",
        RegisterCommand register => $"register \"{register.Module}\"",
        ActionCommand action => Describe(action.Action),
        ThreadCommand thread => $"thread ${thread.Name}",
        WaitCommand wait => $"wait ${wait.Thread}",
        _ => command.GetType().Name,
    };

    private static string Describe(ScriptAction action) =>
        $"{(action.IsGet ? "get" : "invoke")} \"{action.Export}\"{string.Concat(action.Arguments.Select(argument => $" ({argument})"))}";

    private Module Load(ModuleSource module) => Module.Load(engine, module.ToBytes(watOptions), module.Name);

    private void DefineModule(ModuleCommand command)
    {
        // If it fails, what follows must not find the instance before it.
        lastInstance = null;
        Module module = Load(command.Source);
        lastModule = module;
        if (command.Source.Name is string name)
        {
            modules[name] = module;
        }

        if (!command.IsDefinition)
        {
            AddInstance(command.Source.Name, instantiate(linker, store, module));
        }
    }

    private void AddInstance(string? name, Instance instance)
    {
        lastInstance = instance;
        if (name is not null)
        {
            instances[name] = instance;
        }
    }

    private Instance FindInstance(string? name) => name is null
        ? lastInstance ?? throw new ScriptException("there is no instance")
        : instances.GetValueOrDefault(name) ?? throw new ScriptException($"unknown instance ${name}");

    private object?[] Perform(ScriptAction action)
    {
        Instance instance = FindInstance(action.Instance);
        if (action.IsGet)
        {
            Global global = instance.GetGlobal(action.Export) ?? throw new ScriptException($"no global \"{action.Export}\" is exported");
            return [global.Value];
        }

        Function function = instance.GetFunction(action.Export) ?? throw new ScriptException($"no function \"{action.Export}\" is exported");
        return call(function, Array.ConvertAll(action.Arguments, ResultMatcher.ToArgument));
    }

    private static string? CheckResults(ScriptValue[] expected, object?[] actual)
    {
        bool holds = expected.Length == actual.Length;
        for (int i = 0; holds && i < expected.Length; i++)
        {
            holds = ResultMatcher.Matches(expected[i], actual[i]);
        }

        return holds
            ? null
            : $"expected ({string.Join(", ", (object[])expected)}), got ({string.Join(", ", actual.Select(ResultMatcher.Show))})";
    }

    private string? CheckTrap(AssertTrapCommand assertion) => CheckThrows(
        () =>
        {
            if (assertion.Action is ScriptAction action)
            {
                Perform(action);
            }
            else
            {
                linker.Instantiate(store, Load(assertion.Source!));
            }
        },
        assertion.Message,
        error => error is TrapException trap && IsCause(trap, assertion.Message));

    /// <summary>Whether a trap has the cause that a script names. Scripts may say more than we ("uninitialized element 2"), or less.</summary>
    private static bool IsCause(TrapException trap, string message) =>
        trap.Reason.StartsWith(message, StringComparison.Ordinal) || message.StartsWith(trap.Reason, StringComparison.Ordinal);

    private static bool IsGuestException(Exception error) => error is WasmException;

    private static string? CheckThrows(Action action, string expected, Func<Exception, bool> isExpected)
    {
        try
        {
            action();
        }
        catch (Exception error) when (isExpected(error))
        {
            return null;
        }
        catch (Exception error) when (error is TrapException or WasmException or LinkException or ModuleException or TextFormatException)
        {
            return $"expected {expected}, got {error.GetType().Name}: {error.Message}";
        }

        return $"expected {expected}, but nothing was thrown";
    }

    private string? CheckRejected(AssertRejectedCommand assertion)
    {
        string message = assertion.Message;
        Action action = assertion.Rejection == Rejection.Unlinkable
            ? () => linker.Instantiate(store, Load(assertion.Source))
            : () => Load(assertion.Source);
        return CheckThrows(action, $"{assertion.Rejection}: {message}", error => error.Message.StartsWith(message, StringComparison.Ordinal) && assertion.Rejection switch
        {
            Rejection.Malformed => error is MalformedModuleException or TextFormatException,
            Rejection.MalformedCustom or Rejection.InvalidCustom => error is TextFormatException,
            Rejection.Invalid => error is InvalidModuleException,
            _ => error is LinkException,
        });
    }

    private void StartThread(ThreadCommand command)
    {
        var runner = new ScriptRunner(source, engine, instantiate, call);
        foreach (string name in command.SharedModules)
        {
            runner.AddInstance(name, FindInstance(name));
        }

        var thread = new Thread(() => runner.RunAll(command.Commands), StackSize);
        threads.Add(command.Name, (thread, runner));
        thread.Start();
    }

    private string? WaitFor(string name)
    {
        if (!threads.Remove(name, out (Thread Thread, ScriptRunner Runner) entry))
        {
            throw new ScriptException($"unknown thread ${name}");
        }

        entry.Thread.Join();
        passed += entry.Runner.passed;
        failures.AddRange(entry.Runner.failures);
        entry.Runner.Dispose();
        return null;
    }

    /// <summary>The script itself can't be run as it stands.</summary>
    private sealed class ScriptException(string message) : Exception(message);
}
