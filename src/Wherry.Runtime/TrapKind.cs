namespace Wherry;

/// <summary>Why a guest was stopped.</summary>
public enum TrapKind
{
    /// <summary>The instruction <c>unreachable</c> was executed.</summary>
    Unreachable,

    /// <summary>An access outside of a memory.</summary>
    MemoryOutOfBounds,

    /// <summary>An access outside of a table, other than an indirect call.</summary>
    TableOutOfBounds,

    /// <summary>An indirect call through an index outside of the table.</summary>
    UndefinedElement,

    /// <summary>An indirect call through a null element.</summary>
    UninitializedElement,

    /// <summary>An indirect call of a function of another type.</summary>
    IndirectCallTypeMismatch,

    /// <summary>An integer was divided by zero.</summary>
    IntegerDivideByZero,

    /// <summary>The result of a division or conversion doesn't fit.</summary>
    IntegerOverflow,

    /// <summary>A NaN was converted to an integer.</summary>
    InvalidConversionToInteger,

    /// <summary>The call stack is used up.</summary>
    StackExhausted,

    /// <summary>An access through a null reference: see the message for the kind of reference.</summary>
    NullReference,

    /// <summary>A cast to a type that the value is not of.</summary>
    CastFailure,

    /// <summary>An access outside of an array.</summary>
    ArrayOutOfBounds,

    /// <summary>An atomic access to an address that is not a multiple of its size.</summary>
    UnalignedAtomic,

    /// <summary>A wait on a memory that is not shared.</summary>
    ExpectedSharedMemory,

    /// <summary>The guest was interrupted: by <see cref="Store.Interrupt"/> or a cancelled token.</summary>
    Interrupted,

    /// <summary>The guest ran for longer than <see cref="StoreOptions.TimeLimit"/>.</summary>
    TimeLimit,

    /// <summary>The guest's fuel is used up: see <see cref="Store.Fuel"/>.</summary>
    OutOfFuel,

    /// <summary>The guest asked for more than the engine can give, such as an array beyond the host's memory.</summary>
    OutOfResources,
}
