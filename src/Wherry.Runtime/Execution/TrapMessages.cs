namespace Wherry.Execution;

/// <summary>The words of the specification's test suite for each trap.</summary>
internal static class TrapMessages
{
    public static string Get(TrapKind kind) => kind switch
    {
        TrapKind.Unreachable => "unreachable",
        TrapKind.MemoryOutOfBounds => "out of bounds memory access",
        TrapKind.TableOutOfBounds => "out of bounds table access",
        TrapKind.UndefinedElement => "undefined element",
        TrapKind.UninitializedElement => "uninitialized element",
        TrapKind.IndirectCallTypeMismatch => "indirect call type mismatch",
        TrapKind.IntegerDivideByZero => "integer divide by zero",
        TrapKind.IntegerOverflow => "integer overflow",
        TrapKind.InvalidConversionToInteger => "invalid conversion to integer",
        TrapKind.StackExhausted => "call stack exhausted",
        TrapKind.NullReference => "null reference",
        TrapKind.CastFailure => "cast failure",
        TrapKind.ArrayOutOfBounds => "out of bounds array access",
        TrapKind.UnalignedAtomic => "unaligned atomic",
        TrapKind.ExpectedSharedMemory => "expected shared memory",
        TrapKind.Interrupted => "interrupted",
        TrapKind.OutOfFuel => "out of fuel",
        TrapKind.TimeLimit => "time limit exceeded",
        _ => "out of resources",
    };
}
