using Wherry.Binary;
using Wherry.Instructions;
using Wherry.Types;

namespace Wherry.Validation;

/// <summary>
/// What validation must know of a module (specification, 3.1.6), with all types packed. It is shared by the threads that validate function
/// bodies, and does not change.
/// </summary>
internal sealed class ValidationContext
{
    private readonly Dictionary<DefinedType, int> _canonical = new(ReferenceEqualityComparer.Instance);
    private readonly int[] _canonicalIndices;

    public ValidationContext(ModuleDefinition module, WasmFeatures features, ModuleLimits limits)
    {
        Module = module;
        EnabledFeatures = features;
        Limits = limits;
        DefinedType[] types = module.Types;
        if (types.Length > OperandType.MaximumTypes)
        {
            InvalidModuleException.Throw($"too many types: {types.Length:N0}", 0);
        }

        _canonicalIndices = new int[types.Length];
        for (int i = 0; i < types.Length; i++)
        {
            _ = _canonical.TryAdd(types[i], i);
            _canonicalIndices[i] = _canonical[types[i]];
        }

        Signatures = new Signature?[types.Length];
        for (int i = 0; i < types.Length; i++)
        {
            if (types[i].Function is { } function)
            {
                Signatures[i] = new Signature(
                    Array.ConvertAll(function.Parameters.ToArray(), Pack), Array.ConvertAll(function.Results.ToArray(), Pack), _canonicalIndices[i]);
            }
        }

        Functions = Array.ConvertAll(module.Functions, SignatureOf);
        Tags = Array.ConvertAll(module.Tags, SignatureOf);
        Tables = Array.ConvertAll(
            module.Tables, table => new TableInfo(Pack(table.Type.ElementType), table.Type.Is64Bit ? OperandType.I64 : OperandType.I32));
        Memories = Array.ConvertAll(module.Memories, memory => memory.Is64Bit ? OperandType.I64 : OperandType.I32);
        Globals = Array.ConvertAll(module.Globals, global => new GlobalInfo(Pack(global.Type.ValueType), global.Type.IsMutable));
        Elements = Array.ConvertAll(module.Elements, segment => Pack(segment.Type));
        if (features.HasFlag(WasmFeatures.CustomDescriptors))
        {
            InexactFunctions = new bool[module.ImportedFunctionCount];
            foreach (ImportDefinition import in module.Imports)
            {
                if (import is { Kind: ExternalKind.Function, IsExact: false })
                {
                    InexactFunctions[import.Index] = true;
                }
            }
        }
    }

    public ModuleDefinition Module { get; }

    public WasmFeatures EnabledFeatures { get; }

    public ModuleLimits Limits { get; }

    /// <summary>The signature of each type, null where it is not a function type.</summary>
    public Signature?[] Signatures { get; }

    public Signature[] Functions { get; }

    public Signature[] Tags { get; }

    public TableInfo[] Tables { get; }

    /// <summary>The address type of each memory.</summary>
    public OperandType[] Memories { get; }

    public GlobalInfo[] Globals { get; }

    /// <summary>The type of each element segment.</summary>
    public OperandType[] Elements { get; }

    /// <summary>Imported functions whose value may be of a subtype of their type.</summary>
    public bool[] InexactFunctions { get; } = [];

    /// <summary>Whether allocations give exact types.</summary>
    public bool HasExactTypes => EnabledFeatures.HasFlag(WasmFeatures.CustomDescriptors);

    /// <summary>The first index that a type has in this module.</summary>
    public int Canonical(int typeIndex) => _canonicalIndices[typeIndex];

    public int IndexOf(DefinedType type) => _canonical[type];

    public OperandType Pack(WasmValueType type)
    {
        if (!type.IsReference)
        {
            return OperandType.Of(type.Kind);
        }

        HeapType heap = type.HeapType;
        return heap.Defined is { } defined
            ? OperandType.Defined(_canonical[defined], type.IsNullable, heap.IsExact)
            : OperandType.Reference(heap.Kind, type.IsNullable);
    }

    /// <summary>A type as the module spells it; its index must be known to be good.</summary>
    public OperandType Pack(EncodedValueType type) => type.Kind == WasmValueKind.Reference ? Pack(type.HeapType, type.IsNullable) : OperandType.Of(type.Kind);

    /// <summary>A reference to a heap type as the module spells it; its index must be known to be good.</summary>
    public OperandType Pack(EncodedHeapType type, bool isNullable) => type.Kind == HeapTypeKind.Defined
        ? OperandType.Defined(_canonicalIndices[type.TypeIndex], isNullable, type.IsExact)
        : OperandType.Reference(type.Kind, isNullable);

    /// <summary>Whether a value of one type may stand where another is expected (specification, 3.3).</summary>
    public bool Matches(OperandType actual, OperandType expected)
    {
        if (actual == expected || actual.IsBottom)
        {
            return true;
        }

        if (!actual.IsReference || !expected.IsReference || (actual.IsNullable && !expected.IsNullable))
        {
            return false;
        }

        if (actual.IsBottomHeap)
        {
            return true;
        }

        HeapTypeKind super = expected.Heap;
        if (!actual.IsDefined)
        {
            return MatchesAbstract(actual.Heap, super, expected);
        }

        DefinedType sub = Module.Types[actual.TypeIndex];
        if (super == HeapTypeKind.Defined)
        {
            return expected.IsExact
                ? actual.IsExact && actual.TypeIndex == expected.TypeIndex
                : sub.IsSubtypeOf(Module.Types[expected.TypeIndex]);
        }

        return sub.Kind switch
        {
            CompositeKind.Function => super == HeapTypeKind.Func,
            CompositeKind.Struct => super is HeapTypeKind.Struct or HeapTypeKind.Eq or HeapTypeKind.Any,
            _ => super is HeapTypeKind.Array or HeapTypeKind.Eq or HeapTypeKind.Any,
        };
    }

    /// <summary>The top of the hierarchy that a reference type belongs to.</summary>
    public HeapTypeKind TopOf(OperandType type) => type.Heap switch
    {
        HeapTypeKind.Func or HeapTypeKind.NoFunc => HeapTypeKind.Func,
        HeapTypeKind.Extern or HeapTypeKind.NoExtern => HeapTypeKind.Extern,
        HeapTypeKind.Exn or HeapTypeKind.NoExn => HeapTypeKind.Exn,
        HeapTypeKind.Defined when Module.Types[type.TypeIndex].Kind == CompositeKind.Function => HeapTypeKind.Func,
        _ => HeapTypeKind.Any,
    };

    /// <summary>A type for messages.</summary>
    public string Describe(OperandType type)
    {
        if (type.IsBottom)
        {
            return "any";
        }

        if (!type.IsReference)
        {
            return type.Kind.ToString().ToLowerInvariant();
        }

        if (type.IsBottomHeap)
        {
            return "(ref any)";
        }

        if (!type.IsDefined)
        {
            return WasmValueType.Reference(type.Heap, type.IsNullable).ToString();
        }

        string name = Module.Names.GetTypeName(type.TypeIndex) is { } known ? $"${known}" : $"{type.TypeIndex}";
        name = type.IsExact ? $"(exact {name})" : name;
        return type.IsNullable ? $"(ref null {name})" : $"(ref {name})";
    }

    private bool MatchesAbstract(HeapTypeKind sub, HeapTypeKind super, OperandType expected) => sub switch
    {
        _ when sub == super => true,
        HeapTypeKind.Eq => super == HeapTypeKind.Any,
        HeapTypeKind.I31 or HeapTypeKind.Struct or HeapTypeKind.Array => super is HeapTypeKind.Eq or HeapTypeKind.Any,
        HeapTypeKind.None => super == HeapTypeKind.Defined
            ? Module.Types[expected.TypeIndex].Kind != CompositeKind.Function
            : super is HeapTypeKind.Eq or HeapTypeKind.Any or HeapTypeKind.I31 or HeapTypeKind.Struct or HeapTypeKind.Array,
        HeapTypeKind.NoFunc => super == HeapTypeKind.Func
            || (super == HeapTypeKind.Defined && Module.Types[expected.TypeIndex].Kind == CompositeKind.Function),
        HeapTypeKind.NoExtern => super == HeapTypeKind.Extern,
        HeapTypeKind.NoExn => super == HeapTypeKind.Exn,
        _ => false,
    };

    private Signature SignatureOf(DefinedType type) => Signatures[_canonical[type]]!;
}

/// <summary>The packed types of a function type.</summary>
/// <param name="Parameters">Its parameters.</param>
/// <param name="Results">Its results.</param>
/// <param name="TypeIndex">Its canonical index.</param>
internal sealed record Signature(OperandType[] Parameters, OperandType[] Results, int TypeIndex);

internal readonly record struct TableInfo(OperandType Element, OperandType Address);

internal readonly record struct GlobalInfo(OperandType Type, bool IsMutable);

/// <summary>A block, or the function itself, on the control stack (specification, appendix A.3).</summary>
internal struct ControlFrame
{
    /// <summary>What opened it: <c>block</c>, <c>loop</c>, <c>if</c>, <c>else</c>, <c>try</c>, <c>catch</c>, <c>catch_all</c>, <c>try_table</c>.</summary>
    public Opcode Opcode;

    /// <summary>Whether the code up to its end or else can't be reached.</summary>
    public bool IsUnreachable;

    /// <summary>The height of the operand stack beneath it.</summary>
    public int Height;

    /// <summary>How many locals had been initialised before it.</summary>
    public int InitialisedCount;

    public OperandType[] Parameters;

    public OperandType[] Results;

    /// <summary>What a branch to it carries.</summary>
    public readonly OperandType[] LabelTypes => Opcode == Opcode.Loop ? Parameters : Results;
}
