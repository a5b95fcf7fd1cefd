using Wherry.Types;

namespace Wherry.Execution.Heap;

// A struct of Wasm is an instance of one of these classes, closed over the CLR types of its fields (references are object). Each class
// adds one field to the one before, so that a subtype, whose fields start with its supertype's, has them at the same places: a field is
// read by the static type of the reference. No class is made at run time, so equal types of two modules agree by themselves and nothing has to be unloaded.

/// <summary>A struct (specification, 4.2.9), here without fields.</summary>
internal class GuestStruct(DefinedType type) : GuestObject(type)
{
    /// <summary>How many fields have a member of their own. With more, one further member holds the <see cref="LongGuestStruct.Extra"/> for the others: see <see cref="LongGuestStruct"/>.</summary>
    public const int InlineFields = 15;
}

internal class GuestStruct<T0>(DefinedType type) : GuestStruct(type)
{
    public T0 Field0 = default!;
}

internal class GuestStruct<T0, T1>(DefinedType type) : GuestStruct<T0>(type)
{
    public T1 Field1 = default!;
}

internal class GuestStruct<T0, T1, T2>(DefinedType type) : GuestStruct<T0, T1>(type)
{
    public T2 Field2 = default!;
}

internal class GuestStruct<T0, T1, T2, T3>(DefinedType type) : GuestStruct<T0, T1, T2>(type)
{
    public T3 Field3 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4>(DefinedType type) : GuestStruct<T0, T1, T2, T3>(type)
{
    public T4 Field4 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5>(DefinedType type) : GuestStruct<T0, T1, T2, T3, T4>(type)
{
    public T5 Field5 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6>(DefinedType type) : GuestStruct<T0, T1, T2, T3, T4, T5>(type)
{
    public T6 Field6 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7>(DefinedType type) : GuestStruct<T0, T1, T2, T3, T4, T5, T6>(type)
{
    public T7 Field7 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8>(DefinedType type) : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7>(type)
{
    public T8 Field8 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9>(DefinedType type) : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8>(type)
{
    public T9 Field9 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10>(DefinedType type) : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9>(type)
{
    public T10 Field10 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11>(DefinedType type) : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10>(type)
{
    public T11 Field11 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12>(DefinedType type) : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11>(type)
{
    public T12 Field12 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13>(DefinedType type) : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12>(type)
{
    public T13 Field13 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14>(DefinedType type) : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13>(type)
{
    public T14 Field14 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15>(DefinedType type) : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14>(type)
{
    public T15 Field15 = default!;
}
