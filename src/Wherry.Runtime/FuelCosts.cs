using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Wherry.Instructions;

namespace Wherry;

/// <summary>What each instruction takes of a store's fuel. Never changes once made.</summary>
public sealed class FuelCosts
{
    private readonly int[] _costs = new int[InstructionTable.Size];

    /// <summary>Costs that differ from the default ones.</summary>
    /// <param name="instructions">
    /// Costs by the instructions' names in the text format, such as <c>i32.add</c>. <c>end</c>, <c>else</c>, <c>catch</c>, <c>catch_all</c> and
    /// <c>delegate</c> are no instructions and stay free.
    /// </param>
    /// <param name="bytesPerUnit">How many bytes <c>memory.fill</c>, <c>memory.copy</c> and <c>memory.init</c> handle for one unit, on top of their own cost.</param>
    /// <param name="elementsPerUnit">The same for the elements that bulk operations on tables and arrays handle, and that <c>array.new</c> makes.</param>
    /// <exception cref="ArgumentException">There is no such instruction, or it can't have that cost.</exception>
    public FuelCosts(IReadOnlyDictionary<string, int>? instructions = null, int bytesPerUnit = 8, int elementsPerUnit = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytesPerUnit);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(elementsPerUnit);
        BytesPerUnit = bytesPerUnit;
        ElementsPerUnit = elementsPerUnit;
        var byName = new Dictionary<string, Instruction>(StringComparer.Ordinal);
        foreach (Instruction instruction in InstructionTable.All)
        {
            // Two opcodes may have one name: the forms of select, and of ref.test and ref.cast.
            _ = byName.TryAdd(instruction.Name, instruction);
            _costs[(int)instruction.Opcode] = Metering.IsFreeByDefault(instruction.Opcode) ? 0 : 1;
        }

        foreach ((string name, int cost) in instructions ?? new Dictionary<string, int>())
        {
            if (!byName.TryGetValue(name, out Instruction? found))
            {
                throw new ArgumentException($"There is no instruction \"{name}\": costs are by the names of the text format.", nameof(instructions));
            }

            if (cost is < 0 or > 1_000_000 || (cost > 0 && Metering.IsAlwaysFree(found.Opcode)))
            {
                throw new ArgumentException($"\"{name}\" can't cost {cost}: costs are 0 to 1,000,000, and what only marks the end of a block is free.", nameof(instructions));
            }

            foreach (Instruction instruction in InstructionTable.All)
            {
                if (instruction.Name == name)
                {
                    _costs[(int)instruction.Opcode] = cost;
                }
            }
        }
    }

    /// <summary>
    /// One unit for each instruction; <c>block</c>, <c>loop</c>, <c>try_table</c>, <c>else</c>, <c>end</c>, <c>catch</c> and <c>nop</c> are free. Bulk operations
    /// take one more for each 8 bytes or each element.
    /// </summary>
    public static FuelCosts Default { get; } = new();

    /// <summary>How many bytes a bulk operation on memories handles for one unit.</summary>
    public int BytesPerUnit { get; }

    /// <summary>How many elements a bulk operation on tables and arrays handles for one unit.</summary>
    public int ElementsPerUnit { get; }

    /// <summary>The cost of an instruction by its name in the text format.</summary>
    /// <exception cref="KeyNotFoundException">There is no such instruction.</exception>
    public int this[string instruction] =>
        _costs[(int)(InstructionTable.All.FirstOrDefault(row => row.Name == instruction) ?? throw new KeyNotFoundException($"There is no instruction \"{instruction}\".")).Opcode];

    /// <summary>Differs for costs that differ: it is part of what precompiled code is kept by.</summary>
    public override string ToString() =>
        $"{BytesPerUnit}/{ElementsPerUnit}/{Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(_costs.AsSpan())))}";

    internal int Of(Opcode opcode) => _costs[(int)opcode];
}
