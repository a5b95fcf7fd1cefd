namespace Wherry.Instructions;

/// <summary>
/// One row of the instruction table: all that decoder, validator, text format and compiler need to know of an instruction.
/// </summary>
internal sealed class Instruction
{
    // Read when it is first asked for: most of the table is not, where a small module is loaded.
    private readonly string? _signature;
    private Operand[]? _parameters;
    private Operand[]? _results;

    public Instruction(Opcode opcode, string name, WasmFeatures feature, Immediate immediate, string? signature = null, int accessLog2 = -1)
    {
        Opcode = opcode;
        Name = name;
        Feature = feature;
        Immediate = immediate;
        AccessLog2 = accessLog2;
        _signature = signature;
    }

    public Opcode Opcode { get; }

    /// <summary>The name in the text format.</summary>
    public string Name { get; }

    /// <summary>The proposal that brought it, or <see cref="WasmFeatures.None"/>.</summary>
    public WasmFeatures Feature { get; }

    public Immediate Immediate { get; }

    /// <summary>Whether the operand types depend on nothing but the instruction (and, for <see cref="Operand.Address"/>, its memory).</summary>
    public bool HasFixedSignature => _signature is not null;

    /// <summary>Operand types, the deepest first. Empty unless <see cref="HasFixedSignature"/>.</summary>
    public Operand[] Parameters => _parameters ??= Parse(0);

    /// <summary>Result types. Empty unless <see cref="HasFixedSignature"/>.</summary>
    public Operand[] Results => _results ??= Parse(1);

    /// <summary>For an instruction that accesses memory: the base-2 logarithm of the bytes accessed, which is also the largest alignment allowed. Otherwise -1.</summary>
    public int AccessLog2 { get; }

    public override string ToString() => Name;

    private Operand[] Parse(int side) => _signature is null ? []
        : Array.ConvertAll(_signature.Split("->")[side].Split(' ', StringSplitOptions.RemoveEmptyEntries), static word => word switch
        {
            "i32" => Operand.I32,
            "i64" => Operand.I64,
            "f32" => Operand.F32,
            "f64" => Operand.F64,
            "v128" => Operand.V128,
            "a" => Operand.Address,
            _ => throw new ArgumentException(word),
        });
}

/// <summary>A type in an instruction's fixed signature.</summary>
internal enum Operand : byte
{
    I32,
    I64,
    F32,
    F64,
    V128,

    /// <summary>i32 or i64, the address type of the instruction's memory.</summary>
    Address,
}
