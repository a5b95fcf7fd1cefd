namespace Wherry.Execution.Heap;

// A struct of Wasm is an instance of one of these classes, closed over the CLR types of its fields (references are object). Each class
// adds one field to the one before, so that a subtype, whose fields start with its supertype's, has them at the same places: a field is
// read by the static type of the reference. No class is made at run time, so equal types of two modules agree by themselves and nothing has to be unloaded.

/// <summary>A struct (specification, 4.2.9), here without fields.</summary>
internal class GuestStruct
{
    /// <summary>How many fields have a member of their own. With more, one further member holds the <see cref="LongGuestStruct.Extra"/> for the others: see <see cref="LongGuestStruct"/>.</summary>
    public const int InlineFields = 15;

    /// <summary>The identity of its exact type: casts look at nothing else. A number, since storing a reference would cost a write barrier.</summary>
    public int Type;
}

internal class GuestStruct<T0> : GuestStruct
{
    public T0 Field0 = default!;
}

internal class GuestStruct<T0, T1> : GuestStruct<T0>
{
    public T1 Field1 = default!;
}

internal class GuestStruct<T0, T1, T2> : GuestStruct<T0, T1>
{
    public T2 Field2 = default!;
}

internal class GuestStruct<T0, T1, T2, T3> : GuestStruct<T0, T1, T2>
{
    public T3 Field3 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4> : GuestStruct<T0, T1, T2, T3>
{
    public T4 Field4 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5> : GuestStruct<T0, T1, T2, T3, T4>
{
    public T5 Field5 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6> : GuestStruct<T0, T1, T2, T3, T4, T5>
{
    public T6 Field6 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7> : GuestStruct<T0, T1, T2, T3, T4, T5, T6>
{
    public T7 Field7 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8> : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7>
{
    public T8 Field8 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9> : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8>
{
    public T9 Field9 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9>
{
    public T10 Field10 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11> : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10>
{
    public T11 Field11 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12> : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11>
{
    public T12 Field12 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13> : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12>
{
    public T13 Field13 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14> : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13>
{
    public T14 Field14 = default!;
}

internal class GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15> : GuestStruct<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14>
{
    public T15 Field15 = default!;
}
