using Wherry.Binary;
using Wherry.Compilation;
using Wherry.Types;

namespace Wherry.Aot;

/// <summary>In which order the stubs of a module's functions stand in saved code: so they are found there without reflection, which takes milliseconds when first used.</summary>
internal sealed class StubOrder
{
    private static readonly StubKind[] s_kinds = [StubKind.Resolve];
    private static readonly StubKind[] s_kindsWithExceptions = [StubKind.Resolve, StubKind.ResolveForGuest, StubKind.Throw];

    // Of a type that the framework has loaded already. The values are places.
    private readonly Dictionary<string, object> _places = [];
    private readonly bool _hasReturnedExceptions;

    public StubOrder(ModuleDefinition definition, bool hasReturnedExceptions)
    {
        _hasReturnedExceptions = hasReturnedExceptions;
        var seen = new Dictionary<object, object>(ReferenceEqualityComparer.Instance);
        for (int i = definition.ImportedFunctionCount; i < definition.Functions.Length; i++)
        {
            DefinedType type = definition.Functions[i];
            if (seen.TryAdd(type, type) && _places.TryAdd(FunctionStubs.Key(type.Function!, StubKind.Resolve), new Place(Types.Count)))
            {
                Types.Add(type.Function!);
            }
        }
    }

    /// <summary>A type for each signature, in their order.</summary>
    public List<FunctionType> Types { get; } = [];

    /// <summary>The kinds that each signature has, in their order.</summary>
    public ReadOnlySpan<StubKind> Kinds => _hasReturnedExceptions ? s_kindsWithExceptions : s_kinds;

    /// <summary>The place of a stub among all.</summary>
    public int Find(FunctionType type, StubKind kind)
    {
        int index = kind switch
        {
            StubKind.Resolve => 0,
            StubKind.ResolveForGuest => 1,
            StubKind.Throw => 2,
            _ => int.MaxValue,
        };

        // Behind the kinds that there are is another signature's stub.
        return index < Kinds.Length
            ? (((Place)_places[FunctionStubs.Key(type, StubKind.Resolve)]).Number * Kinds.Length) + index
            : throw new ArgumentOutOfRangeException(nameof(kind));
    }

    private sealed record Place(int Number);
}
