using Wherry.Types;

namespace Wherry.Execution.Heap;

/// <summary>An array (specification, 4.2.10). The elements are a CLR array of the storage type, references are object.</summary>
internal abstract class GuestArray(DefinedType type, int length) : GuestObject(type)
{
    /// <summary>The number of elements.</summary>
    public readonly int Length = length;
}

/// <inheritdoc/>
internal sealed class GuestArray<T>(DefinedType type, T[] elements) : GuestArray(type, elements.Length)
{
    public readonly T[] Elements = elements;
}
