using Wherry.Types;

namespace Wherry.Execution.Heap;

/// <summary>An array (specification, 4.2.10). The elements are a CLR array of the storage type, references are object.</summary>
internal abstract class GuestArray(DefinedType type) : GuestObject(type)
{
    /// <summary>The number of elements.</summary>
    public abstract int Length { get; }
}

/// <inheritdoc/>
internal sealed class GuestArray<T>(DefinedType type, T[] elements) : GuestArray(type)
{
    public readonly T[] Elements = elements;

    public override int Length => Elements.Length;
}
