namespace Wherry.Validation;

/// <summary>
/// A value type packed into an int, so that validating an instruction is a few integer compares. Defined types are the index of the first
/// equal type in the module: equal types have equal bits.
/// </summary>
internal readonly record struct OperandType
{
    // Bits 0-3: kind (0 bottom, 1 to 5 numbers and vector, 6 reference); 4: nullable; 5: exact; 6-9: heap type kind; 10 and up: type index.
    private const int ReferenceKind = 6;
    private const int NullableBit = 1 << 4;
    private const int ExactBit = 1 << 5;
    private const int HeapShift = 6;
    private const int IndexShift = 10;
    private const int BottomHeap = 15;

    /// <summary>How many types a module may define at most, whatever its limits say.</summary>
    public const int MaximumTypes = 1 << 20;

    private readonly int _bits;

    private OperandType(int bits) => _bits = bits;

    /// <summary>The type of any operand in unreachable code.</summary>
    public static OperandType Bottom => default;

    public static OperandType I32 => new(1);

    public static OperandType I64 => new(2);

    public static OperandType F32 => new(3);

    public static OperandType F64 => new(4);

    public static OperandType V128 => new(5);

    /// <summary>A reference that is a subtype of every reference but null: what is left of bottom once it is known to be no null reference.</summary>
    public static OperandType BottomReference => new(ReferenceKind | (BottomHeap << HeapShift));

    public bool IsBottom => _bits == 0;

    public bool IsReference => (_bits & 15) == ReferenceKind;

    /// <summary>Whether it is i32, i64, f32, f64 or v128.</summary>
    public bool IsNumberOrVector => (uint)(_bits - 1) < 5;

    public bool IsNullable => (_bits & NullableBit) != 0;

    public bool IsExact => (_bits & ExactBit) != 0;

    public bool IsBottomHeap => IsReference && (int)Heap == BottomHeap;

    public HeapTypeKind Heap => (HeapTypeKind)((_bits >> HeapShift) & 15);

    public bool IsDefined => IsReference && Heap == HeapTypeKind.Defined;

    /// <summary>The index of a defined type.</summary>
    public int TypeIndex => _bits >> IndexShift;

    public WasmValueKind Kind => (WasmValueKind)((_bits & 15) - 1);

    /// <summary>Whether a local of it starts with a value.</summary>
    public bool IsDefaultable => !IsReference || IsNullable;

    /// <summary>A number or vector type.</summary>
    public static OperandType Of(WasmValueKind kind) => new((int)kind + 1);

    public static OperandType Reference(HeapTypeKind kind, bool isNullable) =>
        new(ReferenceKind | (isNullable ? NullableBit : 0) | ((int)kind << HeapShift));

    /// <param name="typeIndex">A canonical index.</param>
    /// <param name="isNullable">Whether null belongs to it.</param>
    /// <param name="isExact">Whether values of subtypes don't.</param>
    public static OperandType Defined(int typeIndex, bool isNullable, bool isExact = false) =>
        new(ReferenceKind | (isNullable ? NullableBit : 0) | (isExact ? ExactBit : 0) | ((int)HeapTypeKind.Defined << HeapShift) | (typeIndex << IndexShift));

    public OperandType AsNullable() => new(_bits | NullableBit);

    public OperandType AsNonNullable() => new(_bits & ~NullableBit);
}
