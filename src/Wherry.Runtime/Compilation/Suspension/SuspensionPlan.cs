using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation.Suspension;

/// <summary>
/// Which functions of a module a wait can be reached from. Only these, at the calls from which it can be reached, are compiled so that they can be left and entered again. Waits come from
/// imports; a call by reference may reach any function that the module has a reference to and whose parameters and results look the same, and if others may give the module
/// references, anything.
/// </summary>
internal sealed class SuspensionPlan
{
    private readonly ModuleDefinition _definition;
    private readonly bool[] _functions;
    private readonly HashSet<string> _signatures = new(StringComparer.Ordinal);
    private readonly string[] _signatureOfType;
    private readonly bool _isOpen;
    private readonly Dictionary<int, List<int>> _tailCallers = [];

    private SuspensionPlan(ModuleDefinition definition, Predicate<ImportDefinition> mayWait, bool all)
    {
        _definition = definition;
        _functions = new bool[definition.Functions.Length];
        _signatureOfType = Array.ConvertAll(definition.Types, type => type.Function is { } function ? FunctionStubs.Key(function, StubKind.Resolve) : "");
        _isOpen = all || IsOpen(definition);
        _functions.AsSpan().SetAll(all);
        foreach (ImportDefinition import in definition.Imports)
        {
            if (import.Kind == ExternalKind.Function)
            {
                _functions[import.Index] = mayWait(import);
            }
        }

        Spread();
        Refusal = FindRefusal();
    }

    /// <summary>Why no guest of the module can be suspended; null if it can.</summary>
    public string? Refusal { get; }

    /// <summary>How many functions of the module's own a wait can be reached from.</summary>
    public int Count => _functions.AsSpan(_definition.ImportedFunctionCount).Count(true);

    /// <summary>The plan for an engine, or null if it, or the module, is not of the kind that can be left.</summary>
    /// <param name="options">The engine's options.</param>
    /// <param name="layout">The module's code.</param>
    /// <param name="definition">The module.</param>
    /// <param name="refusal">Why there is none.</param>
    public static SuspensionPlan? FindFor(EngineOptions options, CodeLayout layout, ModuleDefinition definition, out string refusal)
    {
        refusal = options.MayWait is null ? "its engine does not compile for it"
            : options.FuelCosts is not null || options.Deterministic || options.Profiling ? "its engine counts instructions, is deterministic or profiles"
            : layout.HasReturnedExceptions ? "it has exceptions, or tail calls that may be of anything"
            : "";
        if (refusal.Length > 0)
        {
            return null;
        }

        SuspensionPlan plan = Find(definition, import => options.MayWait!(import.Module, import.Name), options.WaitsAtEachCall);
        refusal = plan.Refusal ?? "";
        return plan.Refusal is null ? plan : null;
    }

    /// <param name="mayWait">Whether what is imported as a function may wait.</param>
    /// <param name="all">Whether all functions are to be taken for such.</param>
    public static SuspensionPlan Find(ModuleDefinition definition, Predicate<ImportDefinition> mayWait, bool all = false) => new(definition, mayWait, all);

    /// <summary>Whether a wait can be reached from a function.</summary>
    public bool Reaches(int function) => _functions[function];

    /// <summary>The functions that end with a tail call of a function: they are never found below a wait, though it is reached through them.</summary>
    public IReadOnlyList<int> TailCallersOf(int function) => _tailCallers.GetValueOrDefault(function) ?? (IReadOnlyList<int>)[];

    /// <summary>Whether a wait can be reached from some function that a call by reference may find.</summary>
    public bool ReachesByReference(int type) => _isOpen || _signatures.Contains(_signatureOfType[type]);

    /// <summary>Whether a wait can be reached from a call. A tail call is none: nothing is left to come back to.</summary>
    public bool Reaches(ref InstructionReader reader) => reader.Opcode switch
    {
        Opcode.Call => _functions[reader.Index],
        Opcode.CallIndirect or Opcode.CallRef => ReachesByReference(reader.Index),
        _ => false,
    };

    private static bool IsOpen(ModuleDefinition definition)
    {
        if (definition.ImportedTableCount > 0)
        {
            return true;
        }

        foreach (ImportDefinition import in definition.Imports)
        {
            if (CarriesFunctions(definition, import.Kind, import.Index))
            {
                return true;
            }
        }

        foreach (ExportDefinition export in definition.Exports)
        {
            if (CarriesFunctions(definition, export.Kind, export.Index))
            {
                return true;
            }
        }

        return false;
    }

    private static bool CarriesFunctions(ModuleDefinition definition, ExternalKind kind, int index) => kind switch
    {
        ExternalKind.Table => true,
        ExternalKind.Function => CarriesFunctions(definition.Functions[index].Function!),
        ExternalKind.Tag => CarriesFunctions(definition.Tags[index].Function!),
        ExternalKind.Global => MayHoldFunction(definition.Globals[index].Type.ValueType),
        _ => false,
    };

    private static bool CarriesFunctions(FunctionType type)
    {
        foreach (WasmValueType parameter in type.Parameters)
        {
            if (MayHoldFunction(parameter))
            {
                return true;
            }
        }

        foreach (WasmValueType result in type.Results)
        {
            if (MayHoldFunction(result))
            {
                return true;
            }
        }

        return false;
    }

    // Structs and arrays may have functions in them.
    private static bool MayHoldFunction(WasmValueType type) => type.IsReference && type.HeapType.Kind is not (HeapTypeKind.Extern or HeapTypeKind.NoExtern);

    private void Spread()
    {
        int imported = _definition.ImportedFunctionCount;
        var callers = new List<int>?[_functions.Length];
        var indirect = new Dictionary<string, List<int>>(StringComparer.Ordinal);
        var found = new Stack<int>();
        for (int function = 0; function < _functions.Length; function++)
        {
            if (function >= imported)
            {
                ScanCalls(function, callers, indirect);
            }

            if (_functions[function])
            {
                found.Push(function);
            }
        }

        while (found.TryPop(out int function))
        {
            foreach (int caller in callers[function] ?? [])
            {
                Add(caller, found);
            }

            string signature = FunctionStubs.Key(_definition.Functions[function].Function!, StubKind.Resolve);
            if (_definition.DeclaredFunctions[function] && _signatures.Add(signature))
            {
                foreach (int caller in indirect.GetValueOrDefault(signature) ?? [])
                {
                    Add(caller, found);
                }
            }
        }
    }

    private void Add(int function, Stack<int> found)
    {
        if (!_functions[function])
        {
            _functions[function] = true;
            found.Push(function);
        }
    }

    private void ScanCalls(int function, List<int>?[] callers, Dictionary<string, List<int>> indirect)
    {
        FunctionBody body = _definition.Bodies[function - _definition.ImportedFunctionCount];
        var reader = new InstructionReader(_definition.Bytes.Span, body.CodeOffset, body.End);
        while (reader.Next())
        {
            switch (reader.Opcode)
            {
                case Opcode.Call:
                case Opcode.ReturnCall:
                    if (reader.Opcode == Opcode.ReturnCall)
                    {
                        AddTailCaller(reader.Index, function);
                    }

                    AddOnce(callers[reader.Index] ??= [], function);
                    break;
                case Opcode.CallIndirect:
                case Opcode.CallRef:
                case Opcode.ReturnCallIndirect:
                case Opcode.ReturnCallRef:
                    _functions[function] |= _isOpen;
                    string signature = _signatureOfType[reader.Index];
                    if (!indirect.TryGetValue(signature, out List<int>? list))
                    {
                        indirect.Add(signature, list = []);
                    }

                    AddOnce(list, function);
                    break;
            }
        }
    }

    private void AddTailCaller(int callee, int function)
    {
        if (!_tailCallers.TryGetValue(callee, out List<int>? list))
        {
            _tailCallers.Add(callee, list = []);
        }

        AddOnce(list, function);
    }

    private static void AddOnce(List<int> list, int function)
    {
        if (list.Count == 0 || list[^1] != function)
        {
            list.Add(function);
        }
    }

    // Code can't be entered again in the middle of a protected region, and a returned exception would have to be looked for where a frame was entered from outside.
    private string? FindRefusal()
    {
        int imported = _definition.ImportedFunctionCount;
        for (int i = 0; i < _definition.Bodies.Length; i++)
        {
            if (!_functions[imported + i])
            {
                continue;
            }

            FunctionBody body = _definition.Bodies[i];
            var reader = new InstructionReader(_definition.Bytes.Span, body.CodeOffset, body.End);
            while (reader.Next())
            {
                if (reader.Opcode is Opcode.Try or Opcode.TryTable)
                {
                    return $"{_definition.DescribeFunction(imported + i)} catches exceptions and may wait";
                }
            }
        }

        return null;
    }
}
