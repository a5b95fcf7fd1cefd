using Wherry.Types;

namespace Wherry;

/// <summary>The tag of an exception: exceptions of the same tag object are caught by the same clauses.</summary>
public sealed class Tag
{
    internal readonly DefinedType DefinedType;

    internal Tag(Store store, DefinedType type)
    {
        Store = store;
        DefinedType = type;
    }

    /// <summary>Its store.</summary>
    public Store Store { get; }

    /// <summary>The values that an exception of this tag carries.</summary>
    public TagType Type => new(DefinedType.Function!);
}
