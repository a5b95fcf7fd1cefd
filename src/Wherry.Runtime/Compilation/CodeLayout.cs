using Wherry.Binary;
using Wherry.Compilation.Inlining;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <summary>How a module's code is laid out: which class holds which functions, which globals are fields, which functions are large. It follows from the definition alone.</summary>
internal sealed class CodeLayout
{
    /// <summary>Bytes of Wasm in a class of jitted code. A whole class is written when one of its functions is needed, or a call to one is compiled.</summary>
    public const int JittedClassSize = 2 * 1024;

    /// <summary>Bytes of Wasm in a class of saved code, of which nothing is left to write: loading a class is what costs there.</summary>
    public const int SavedClassSize = 16 * 1024;

    private const int ClassFunctions = 1_000;

    // A class of the CLR holds fewer than 65,536 fields. Further globals are objects, as those are that others see.
    private const int MaximumGlobalFields = 10_000;

    private readonly ModuleDefinition _definition;
    private readonly int _classSize;
    private int[]? _classOfBody;
    private (int First, int Count)[]? _classes;
    private long?[]? _constants;
    private InlineCandidates? _inlineCandidates;
    private readonly Dictionary<int, int>? _largeFunctions;
    private bool[]? _throwing;
    private bool[]? _throwingOfClr;
    private object? _hasResumableFunctions;

    /// <param name="hasReturnedExceptions">For code that was written before: see <see cref="HasReturnedExceptions"/>. Null: found by looking at the functions.</param>
    public CodeLayout(ModuleDefinition definition, int classSize, bool? hasReturnedExceptions = null)
    {
        _definition = definition;
        _classSize = classSize;
        _largeFunctions = FindLargeFunctions();
        IsField = FindFields(definition);
        IsOwnTable = FindOwnTables(definition);

        // Only what validation has seen tail calls in is looked through for them.
        HasReturnedExceptions = hasReturnedExceptions
            ?? (definition.Tags.Length > 0 || (definition.FeaturesUsed.HasFlag(WasmFeatures.TailCalls) && Throwing.Contains(true)));
    }

    /// <summary>Whether functions of the module return exceptions rather than throw them: see <see cref="ThrowAnalysis"/>.</summary>
    public bool HasReturnedExceptions { get; }

    /// <summary>Whether the module is one of functions that branch to where they go on: see <see cref="HastyFunctions"/>.</summary>
    public bool HasResumableFunctions => (bool)(_hasResumableFunctions ??= HastyFunctions.FindResumable(_definition));

    /// <summary>The first function of each class, and how many it has.</summary>
    public (int First, int Count)[] Classes
    {
        get
        {
            if (Volatile.Read(ref _classes) is not { } classes)
            {
                (classes, _classOfBody) = Partition();
                Volatile.Write(ref _classes, classes);
            }

            return classes;
        }
    }

    /// <summary>Which functions are written in place of calls to them.</summary>
    public InlineCandidates InlineCandidates => _inlineCandidates ??= new InlineCandidates(_definition, ReturnsExceptions);

    /// <summary>Which globals only this module sees: they are fields of the instance.</summary>
    public bool[] IsField { get; }

    /// <summary>Which tables only this module sees.</summary>
    public bool[] IsOwnTable { get; }

    public int LargeFunctionCount => _largeFunctions?.Count ?? 0;

    // What follows from the definition is the same whoever finds it first.
    private bool[] Throwing => _throwing ??= ThrowAnalysis.Find(_definition);

    private bool[] ThrowingOfClr => _throwingOfClr ??= ThrowAnalysis.FindOfClr(_definition);

    public static string MethodName(int function) => $"f{function}";

    /// <summary>The name of a large function's body, apart from the method that is called.</summary>
    public static string BodyName(int function) => $"f{function}b";

    /// <summary>The name of a method that holds a function as one that a wait can leave.</summary>
    public static string SuspendableName(int function) => $"f{function}s";

    /// <summary>The name of a method that holds a region of a function.</summary>
    public static string RegionName(int function, int region) => $"f{function}r{region}";

    public static string ClassName(int number) => $"c{number}";

    public static string GlobalFieldName(int global) => $"g{global}";

    /// <summary>The number of the class that holds a function of the module.</summary>
    public int GetClass(int function)
    {
        _ = Classes;
        return _classOfBody![function - _definition.ImportedFunctionCount];
    }

    /// <summary>The bits of an immutable global whose initializer is a number.</summary>
    public bool TryGetConstant(int global, out long bits)
    {
        long?[] constants = _constants ??= Array.ConvertAll(_definition.Globals, FindConstant);
        bits = constants[global].GetValueOrDefault();
        return constants[global].HasValue;
    }

    /// <summary>Whether a function may return with an exception in <see cref="Execution.PendingException"/>.</summary>
    public bool ReturnsExceptions(int function) => HasReturnedExceptions && Throwing[function];

    /// <summary>Whether a guest's exception may come through a function as one of the CLR.</summary>
    public bool ThrowsOfClr(int function) => ThrowingOfClr[function];

    /// <summary>The slot of a function in <see cref="CompiledModule.LargeFunctionsReady"/>, or -1 if it is not large.</summary>
    public int GetLargeSlot(int function) => _largeFunctions is null ? -1 : _largeFunctions.GetValueOrDefault(function, -1);

    private static bool[] FindFields(ModuleDefinition definition)
    {
        var isField = new bool[definition.Globals.Length];
        int own = isField.Length - definition.ImportedGlobalCount;
        isField.AsSpan(definition.ImportedGlobalCount, Math.Min(own, MaximumGlobalFields)).SetAll(true);
        foreach (ExportDefinition export in definition.Exports)
        {
            if (export.Kind == ExternalKind.Global)
            {
                isField[export.Index] = false;
            }
        }

        return isField;
    }

    private static bool[] FindOwnTables(ModuleDefinition definition)
    {
        var isOwn = new bool[definition.Tables.Length];
        isOwn.AsSpan(definition.ImportedTableCount).SetAll(true);
        foreach (ExportDefinition export in definition.Exports)
        {
            if (export.Kind == ExternalKind.Table)
            {
                isOwn[export.Index] = false;
            }
        }

        return isOwn;
    }

    // Null where there are none, as in most modules.
    private Dictionary<int, int>? FindLargeFunctions()
    {
        FunctionBody[] bodies = _definition.Bodies;
        for (int i = 0; i < bodies.Length; i++)
        {
            if (bodies[i].End - bodies[i].Offset > LargeFunctionCompiler.Threshold)
            {
                return ListLargeFunctions(i);
            }
        }

        return null;
    }

    private Dictionary<int, int> ListLargeFunctions(int first)
    {
        Dictionary<int, int> large = [];
        FunctionBody[] bodies = _definition.Bodies;
        for (int i = first; i < bodies.Length; i++)
        {
            if (bodies[i].End - bodies[i].Offset > LargeFunctionCompiler.Threshold)
            {
                large.Add(_definition.ImportedFunctionCount + i, large.Count);
            }
        }

        return large;
    }

    private ((int First, int Count)[] Classes, int[] ClassOfBody) Partition()
    {
        var classOfBody = new int[_definition.Bodies.Length];
        var classes = new List<(int First, int Count)>();
        FunctionBody[] bodies = _definition.Bodies;
        int imported = _definition.ImportedFunctionCount;
        int first = 0;
        int size = 0;
        for (int i = 0; i < bodies.Length; i++)
        {
            int bodySize = bodies[i].End - bodies[i].Offset;
            if (i > first && (size + bodySize > _classSize || i - first == ClassFunctions))
            {
                classes.Add((imported + first, i - first));
                first = i;
                size = 0;
            }

            size += bodySize;
            classOfBody[i] = classes.Count;
        }

        if (bodies.Length > 0)
        {
            classes.Add((imported + first, bodies.Length - first));
        }

        return ([.. classes], classOfBody);
    }

    private long? FindConstant(GlobalDefinition global)
    {
        if (global.Initializer is not { } expression || global.Type.IsMutable)
        {
            return null;
        }

        var reader = new InstructionReader(_definition.Bytes.Span, expression.Offset, expression.Offset + expression.Length);
        reader.Next();
        long? value = reader.Opcode switch
        {
            Opcode.I32Const or Opcode.I64Const => reader.Integer,
            Opcode.F32Const or Opcode.F64Const => (long)reader.Bits,
            _ => null,
        };
        return reader.Next() && reader.Opcode == Opcode.End ? value : null;
    }
}
