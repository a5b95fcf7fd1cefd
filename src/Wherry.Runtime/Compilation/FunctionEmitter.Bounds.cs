using System.Reflection.Emit;
using Wherry.Compilation.Bounds;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>
/// Loops of which it can be told, while instructions are counted, for how many rounds their accesses to memories stay in bounds. Before such a loop the code computes that number, and rounds within it
/// need no notes of what is owed. The loop stands there once more, with notes, for what rounds are left.
/// </content>
internal sealed partial class FunctionEmitter
{
    // In instructions of Wasm.
    private const int MaximumBoundedLoop = 160;

    // Instructions for each note that is saved: what is known of the rounds takes a register, which large loops lack.
    private const int MaximumBoundedRatio = 16;

    /// <summary>Accesses of the code being written that are known to be in bounds.</summary>
    private HashSet<int>? _boundedAccesses;

    private LoopAccesses? FindBoundedAccesses(SmallLoop loop, int position)
    {
        if (!_isMetered || !_module.Options.GuardsMemory || loop.Instructions > MaximumBoundedLoop)
        {
            return null;
        }

        LoopAccesses? accesses = LoopAccesses.Find(_definition, _module.Options.FuelCosts!, _localKinds, position, loop.End, IsUnknown);
        return accesses is not null && loop.Instructions <= accesses.Notes * MaximumBoundedRatio ? accesses : null;

        // The rest is known by the memory's type alone.
        bool IsUnknown(LinearAccess access) => IsGuarded(access.Memory)
            && !(access.Address.Terms.Length == 0 && (uint)access.Address.Constant + (ulong)access.Address.Spread + access.End <= _definition.Memories[access.Memory].Minimum * PageSize);
    }

    /// <summary>Writes a loop without notes, as copies of its body.</summary>
    /// <param name="other">The loop with notes, which is to come.</param>
    private void EmitBounded(LoopAccesses accesses, int copies, BlockTypeImmediate type, int position, int end, ControlFrame exit, int other)
    {
        Pay();
        int rounds = AllocateTemporary(WasmValueKind.I64);
        bool isLimited = EmitRoundsInBounds(accesses, rounds, other);

        // All copies must be within the rounds. The count tells how many were used up: each has taken at least so much of it.
        if (isLimited)
        {
            _il.LoadLocal(rounds);
            _il.Int64(copies);
            _il.Branch(OpCodes.Blt, other);
            _il.LoadLocal(_fuel);
            _il.LoadLocal(rounds);
            _il.Int64(copies);
            _il.Emit(OpCodes.Sub);
            _il.Int64(accesses.RoundCost);
            _il.Emit(OpCodes.Mul);
            _il.Emit(OpCodes.Conv_I);
            _il.Emit(OpCodes.Sub);
            _il.Emit(OpCodes.Conv_I8);
            _il.StoreLocal(rounds);
        }

        int head = _il.DefineLabel();
        StartRound(head);
        if (isLimited)
        {
            _il.LoadLocal(_fuel);
            _il.LoadLocal(rounds);
            _il.Emit(OpCodes.Conv_I);
            _il.Branch(OpCodes.Blt, other);
        }

        HashSet<int>? outer = _boundedAccesses;
        _boundedAccesses = accesses.Offsets;
        for (int copy = 1; copy <= copies; copy++)
        {
            bool isLast = copy == copies;
            EmitCopy(type, position, end, exit, isLast ? head : _il.DefineLabel(), isLast);
        }

        _boundedAccesses = outer;
        Release(rounds, WasmValueKind.I64);
        _owed = 0;
    }

    /// <summary>Computes for how many rounds all of the accesses are in bounds; goes to the other loop if that is none.</summary>
    /// <returns>Whether it is a number, in the local, rather than all rounds that there are.</returns>
    private bool EmitRoundsInBounds(LoopAccesses accesses, int rounds, int other)
    {
        int room = AllocateTemporary(WasmValueKind.I64);
        bool isLimited = false;
        foreach (AddressRange range in accesses.Ranges)
        {
            // What is left behind the end in this round. Memories never shrink, and have at most 2^32 bytes, of which an access takes at least one: nothing wraps around as long as it isn't negative.
            EmitMemoryObject(range.Memory);
            _il.LoadField(RuntimeMembers.MemoryLength);
            _il.Int64((long)range.Extent);
            _il.Emit(OpCodes.Sub);
            EmitLinear(range.Base);
            _il.Emit(OpCodes.Sub);
            _il.StoreLocal(room);
            _il.LoadLocal(room);
            _il.Int64(0);
            _il.Branch(OpCodes.Blt, other);
            if (range.Step == 0)
            {
                continue;
            }

            if (range.Step < 0)
            {
                EmitLinear(range.Base);
                _il.StoreLocal(room);
            }

            // The first round is in bounds without a step.
            _il.LoadLocal(room);
            _il.Int64(Math.Abs((long)range.Step));
            _il.Emit(OpCodes.Div_Un);
            _il.Int64(1);
            _il.Emit(OpCodes.Add);
            if (!isLimited)
            {
                _il.StoreLocal(rounds);
                isLimited = true;
                continue;
            }

            int isMore = _il.DefineLabel();
            _il.StoreLocal(room);
            _il.LoadLocal(room);
            _il.LoadLocal(rounds);
            _il.Branch(OpCodes.Bge, isMore);
            _il.LoadLocal(room);
            _il.StoreLocal(rounds);
            _il.MarkLabel(isMore);
        }

        Release(room, WasmValueKind.I64);
        return isLimited;
    }

    /// <summary>Loads a value as an unsigned number of 64 bits.</summary>
    private void EmitLinear(LinearValue value)
    {
        if (value.Terms.Length == 0)
        {
            _il.Int64((uint)value.Constant);
            return;
        }

        _il.Int32(value.Constant);
        foreach ((int local, int factor) in value.Terms)
        {
            LoadVariable(local);
            if (factor != 1)
            {
                _il.Int32(factor);
                _il.Emit(OpCodes.Mul);
            }

            _il.Emit(OpCodes.Add);
        }

        _il.Emit(OpCodes.Conv_U8);
    }
}
