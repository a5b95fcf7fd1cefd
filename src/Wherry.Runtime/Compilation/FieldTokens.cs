using System.Collections.Concurrent;
using System.Reflection;
using System.Reflection.Emit;

namespace Wherry.Compilation;

/// <summary>
/// The tokens of fields in a module's code. Reflection.Emit looks up a field of another assembly anew at each use, and adds a row to the module's metadata, all of which the runtime copies whenever a class is created.
/// </summary>
internal sealed class FieldTokens(ModuleBuilder builder)
{
    private readonly ConcurrentDictionary<FieldInfo, int> _tokens = new(ReferenceEqualityComparer.Instance);

    public int Get(FieldInfo field) => _tokens.TryGetValue(field, out int token) ? token : _tokens.GetOrAdd(field, builder.GetFieldMetadataToken(field));
}
