using System.Globalization;
using System.Text.Json;

namespace Wherry.Spec.Tests.Core2;

/// <summary>Runs one script and collects what is not as it says.</summary>
internal sealed class Core2Script : IDisposable
{
    private readonly Engine _engine;
    private readonly Store _store;
    private readonly Linker _linker;
    private readonly Dictionary<string, byte[]> _modules;
    private readonly Dictionary<string, Instance> _named = [];
    private readonly Dictionary<long, object> _externals = [];
    private Instance? _current;

    private Core2Script(BoundsChecks boundsChecks, Dictionary<string, byte[]> modules)
    {
        _engine = new Engine(new EngineOptions { BoundsChecks = boundsChecks });
        _store = new Store(_engine);
        _linker = new Linker(_engine) { AllowShadowing = true };
        _modules = modules;
        DefineSpecTest();
    }

    public int Assertions { get; private set; }

    public List<string> Failures { get; } = [];

    public static Core2Script Run(string name, BoundsChecks boundsChecks)
    {
        (JsonDocument commands, Dictionary<string, byte[]> modules) = Core2Archive.Read(name);
        using (commands)
        {
            var script = new Core2Script(boundsChecks, modules);
            foreach (JsonElement command in commands.RootElement.GetProperty("commands").EnumerateArray())
            {
                script.Run(command);
            }

            return script;
        }
    }

    public void Dispose()
    {
        _store.Dispose();
        _engine.Dispose();
    }

    private void Run(JsonElement command)
    {
        string type = command.GetProperty("type").GetString()!;
        try
        {
            if (Execute(type, command) is { } failure)
            {
                Failures.Add($"line {command.GetProperty("line").GetInt32()}, {type}: {failure}");
            }
        }
        catch (Exception exception)
        {
            Failures.Add($"line {command.GetProperty("line").GetInt32()}, {type}: {exception}");
        }
    }

    private string? Execute(string type, JsonElement command)
    {
        switch (type)
        {
            case "module":
                _current = Instantiate(command);
                if (command.TryGetProperty("name", out JsonElement name))
                {
                    _named[name.GetString()!] = _current;
                }

                return null;
            case "module_definition":
                _ = Module.Load(_engine, Bytes(command));
                return null;
            case "register":
                _linker.DefineInstance(
                    command.GetProperty("as").GetString()!,
                    command.TryGetProperty("name", out JsonElement registered) ? _named[registered.GetString()!] : _current!);
                return null;
            case "action":
                _ = Act(command.GetProperty("action"));
                return null;
            case "assert_return":
                Assertions++;
                return Compare(Act(command.GetProperty("action")), command.GetProperty("expected"));
            case "assert_trap" or "assert_exhaustion":
                Assertions++;
                return ExpectTrap(() => Act(command.GetProperty("action")), command);
            case "assert_uninstantiable":
                Assertions++;
                return ExpectTrap(() => [Instantiate(command)], command);
            case "assert_invalid":
                return ExpectRejection<InvalidModuleException>(command);
            case "assert_malformed":
                return ExpectRejection<MalformedModuleException>(command);
            default:
                return $"unknown command {type}";
        }
    }

    private static string? ExpectTrap(Func<object?[]> action, JsonElement command)
    {
        string expected = command.GetProperty("text").GetString()!;
        try
        {
            object?[] results = action();
            return $"no trap, but [{string.Join(", ", results)}]";
        }
        catch (TrapException trap) when (trap.Reason.StartsWith(expected, StringComparison.Ordinal) || expected.StartsWith(trap.Reason, StringComparison.Ordinal))
        {
            return null;
        }
        catch (TrapException trap)
        {
            return $"'{expected}' is expected, not {trap}";
        }
    }

    private string? ExpectRejection<T>(JsonElement command)
        where T : ModuleException
    {
        Assertions++;
        try
        {
            _ = Module.Load(_engine, Bytes(command));
            return "the module was loaded";
        }
        catch (T)
        {
            return null;
        }
        catch (TextFormatException) when (typeof(T) == typeof(MalformedModuleException))
        {
            return null;
        }
        catch (Exception exception) when (exception is ModuleException or TextFormatException)
        {
            return $"{typeof(T).Name} is expected, not {exception.GetType().Name}: {exception.Message}";
        }
    }

    private static string? Compare(object?[] results, JsonElement expected)
    {
        if (results.Length != expected.GetArrayLength())
        {
            return $"{expected.GetArrayLength()} results are expected, not {results.Length}";
        }

        for (int i = 0; i < results.Length; i++)
        {
            JsonElement one = expected[i];
            if (!Matches(results[i], one))
            {
                return $"{one} is expected, not {Show(results[i])}";
            }
        }

        return null;
    }

    private static string Show(object? value) => value switch
    {
        float single => $"{single} (0x{BitConverter.SingleToUInt32Bits(single):x})",
        double number => $"{number} (0x{BitConverter.DoubleToUInt64Bits(number):x})",
        _ => $"{value} ({value?.GetType().Name})",
    };

    private static bool Matches(object? result, JsonElement expected)
    {
        string type = expected.GetProperty("type").GetString()!;
        string? value = expected.TryGetProperty("value", out JsonElement element) ? element.GetString() : null;
        return type switch
        {
            "i32" => result is int number && number == (int)long.Parse(value!, CultureInfo.InvariantCulture),
            "i64" => result is long number && number == ParseInt64(value!),
            "f32" => result is float number && value switch
            {
                "nan:canonical" => (BitConverter.SingleToUInt32Bits(number) & 0x7FFFFFFF) == 0x7FC00000,
                "nan:arithmetic" => (BitConverter.SingleToUInt32Bits(number) & 0x7FC00000) == 0x7FC00000,
                _ => BitConverter.SingleToUInt32Bits(number) == uint.Parse(value!, CultureInfo.InvariantCulture),
            },
            "f64" => result is double number && value switch
            {
                "nan:canonical" => (BitConverter.DoubleToUInt64Bits(number) & 0x7FFFFFFFFFFFFFFF) == 0x7FF8000000000000,
                "nan:arithmetic" => (BitConverter.DoubleToUInt64Bits(number) & 0x7FF8000000000000) == 0x7FF8000000000000,
                _ => BitConverter.DoubleToUInt64Bits(number) == ulong.Parse(value!, CultureInfo.InvariantCulture),
            },
            "funcref" when value is null => result is Function,
            "externref" when value is null => result is not null,
            "externref" when value != "null" => result is External external && external.Number == long.Parse(value!, CultureInfo.InvariantCulture),
            _ => result is null,
        };
    }

    private static long ParseInt64(string value) =>
        value.StartsWith('-') ? long.Parse(value, CultureInfo.InvariantCulture) : (long)ulong.Parse(value, CultureInfo.InvariantCulture);

    private object?[] Act(JsonElement action)
    {
        Instance instance = action.TryGetProperty("module", out JsonElement module) ? _named[module.GetString()!] : _current!;
        string field = action.GetProperty("field").GetString()!;
        if (action.GetProperty("type").GetString() == "get")
        {
            return [instance.GetGlobal(field)!.Value];
        }

        object?[] arguments = [.. action.GetProperty("args").EnumerateArray().Select(Argument)];
        return instance.GetFunction(field)!.Invoke(arguments);
    }

    private object? Argument(JsonElement argument)
    {
        string value = argument.GetProperty("value").GetString()!;
        return argument.GetProperty("type").GetString() switch
        {
            "i32" => (int)long.Parse(value, CultureInfo.InvariantCulture),
            "i64" => ParseInt64(value),
            "f32" => BitConverter.UInt32BitsToSingle(uint.Parse(value, CultureInfo.InvariantCulture)),
            "f64" => BitConverter.UInt64BitsToDouble(ulong.Parse(value, CultureInfo.InvariantCulture)),
            "externref" when value != "null" => GetExternal(long.Parse(value, CultureInfo.InvariantCulture)),
            _ => null,
        };
    }

    private object GetExternal(long number)
    {
        if (!_externals.TryGetValue(number, out object? external))
        {
            external = new External(number);
            _externals.Add(number, external);
        }

        return external;
    }

    private Instance Instantiate(JsonElement command) => _linker.Instantiate(_store, Module.Load(_engine, Bytes(command)));

    /// <summary>The module of a command: its bytes, or its text, read.</summary>
    private byte[] Bytes(JsonElement command)
    {
        byte[] file = _modules[command.GetProperty("filename").GetString()!];
        return command.GetProperty("module_type").GetString() == "text" ? WatConverter.ToBinary(file) : file;
    }

    private void DefineSpecTest()
    {
        const string Name = "spectest";
        _linker.DefineFunction(Name, "print", () => { });
        _linker.DefineFunction(Name, "print_i32", (int _) => { });
        _linker.DefineFunction(Name, "print_i64", (long _) => { });
        _linker.DefineFunction(Name, "print_f32", (float _) => { });
        _linker.DefineFunction(Name, "print_f64", (double _) => { });
        _linker.DefineFunction(Name, "print_i32_f32", (int _, float _) => { });
        _linker.DefineFunction(Name, "print_f64_f64", (double _, double _) => { });
        _linker.Define(Name, "global_i32", Global.Create(_store, new GlobalType(WasmValueType.I32, false), 666));
        _linker.Define(Name, "global_i64", Global.Create(_store, new GlobalType(WasmValueType.I64, false), 666L));
        _linker.Define(Name, "global_f32", Global.Create(_store, new GlobalType(WasmValueType.F32, false), 666.6f));
        _linker.Define(Name, "global_f64", Global.Create(_store, new GlobalType(WasmValueType.F64, false), 666.6));
        _linker.Define(Name, "table", Table.Create(_store, new TableType(WasmValueType.FuncRef, 10, 20)));
        _linker.Define(Name, "table64", Table.Create(_store, new TableType(WasmValueType.FuncRef, 10, 20, Is64Bit: true)));
        _linker.Define(Name, "memory", Memory.Create(_store, new MemoryType(1, 2)));
    }

    private sealed record External(long Number);
}
