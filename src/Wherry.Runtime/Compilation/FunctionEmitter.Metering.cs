using System.Reflection.Emit;
using Wherry.Binary;
using Wherry.Execution;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>
/// Counting instructions. The count is in a local, and what was executed since it was last changed is known at each place in the code: what is owed. It is taken off where paths
/// meet that owe different amounts, and at loop heads. Three things keep the count exact: calls, returns and throws write it to the <see cref="Meter"/>; an instruction that may trap
/// notes before what is owed there; and the local is read anew after calls and where exceptions are caught. Loop heads, calls that may leave the module, tail calls and returns look
/// whether the count is below zero, so that the code between needs no branches.
/// </content>
internal sealed partial class FunctionEmitter
{
    private const ulong PageSize = 65_536;

    // With the cost of one more instruction it is a number of 32 bits.
    private const int MaximumOwed = 1 << 30;

    private readonly bool _isMetered;

    private KnownAccesses? _knownAccesses;
    private int _meter = -1;
    private int _fuel = -1;
    private readonly List<(int Label, int Place)> _stops = [];

    /// <summary>What was executed and is not yet taken off the local.</summary>
    private int _owed;

    /// <summary>Whether the meter has the local's value.</summary>
    private bool _isFuelWritten;

    // First of all locals, since the first ones have the shortest code, and what the JIT optimizes is bounded by the size of IL.
    private void DeclareMeter()
    {
        _knownAccesses = new KnownAccesses(_localKinds.Length);
        _fuel = _il.DeclareLocal(typeof(nint));
        _meter = _il.DeclareLocal(typeof(Meter));
    }

    private void EmitMeter()
    {
        _il.LoadArgument(_instance);
        _il.LoadField(RuntimeMembers.Meter);
        _il.StoreLocal(_meter);
        ReloadFuel();
    }

    private void EmitMetered(ref InstructionReader reader)
    {
        Opcode opcode = reader.Opcode;
        _owed += CostOf(opcode);
        if (_owed > MaximumOwed)
        {
            Pay();
        }

        bool isBulk = Metering.IsBulk(opcode);
        bool isCall = Metering.IsCall(opcode) && !(opcode == Opcode.Call && IsInlinedHere(reader.Index));
        if (isBulk)
        {
            EmitBulkCharge(opcode);
        }
        else if (isCall)
        {
            PrepareMeteredCall(ref reader);
        }
        else if (opcode is Opcode.Unreachable or Opcode.Throw or Opcode.Rethrow or Opcode.ThrowRef)
        {
            WriteExact();
            WriteOwed(0);
        }
        else if (Metering.MayTrap(reader.Instruction) && !IsKnownToSucceed(ref reader))
        {
            EmitFuelNote();
            _isFuelWritten = true;
        }

        FollowBlocks(opcode);
        if (opcode == Opcode.I32Add)
        {
            EmitKnownAddition(ref reader);
            return;
        }

        EmitInstruction(ref reader);
        if ((isBulk || isCall) && !_unreachable)
        {
            ReloadFuel();
        }
    }

    /// <summary>Takes off what is owed.</summary>
    private void Pay() => PayDownTo(0);

    private void PayDownTo(int owed)
    {
        if (_isMetered && _owed != owed)
        {
            _isFuelWritten = false;
            _il.LoadLocal(_fuel);
            _il.Int32(_owed - owed);
            _il.Emit(OpCodes.Sub);
            _il.StoreLocal(_fuel);
            _owed = owed;
        }
    }

    /// <summary>Before a branch: all that lead to one place owe the same there. The first to come says how much.</summary>
    private void PayFor(ControlFrame target)
    {
        if (_isMetered)
        {
            PayDownTo(OwedAt(target));
            target.IsFuelWritten &= _isFuelWritten;
        }
    }

    private int OwedAt(ControlFrame target) => LeadsBack(target) ? 0 : target.Owed ??= _owed;

    private static bool LeadsBack(ControlFrame target) => target.Opcode == Opcode.Loop && !target.IsCopy;

    /// <summary>Behind a label.</summary>
    private void StartOwing(ControlFrame frame)
    {
        _owed = frame.Owed ?? 0;
        _isFuelWritten = frame.Owed is not null && frame.IsFuelWritten;
    }

    /// <summary>Before a branch by table: pays so that as few of the targets as possible need code of their own.</summary>
    private void PayForTable(ReadOnlySpan<int> depths)
    {
        if (!_isMetered)
        {
            return;
        }

        foreach (int depth in depths)
        {
            ControlFrame target = _frames[_frames.Count - 1 - depth];
            if (LeadsBack(target) || target.Owed is not null)
            {
                PayDownTo(OwedAt(target));
                return;
            }
        }
    }

    /// <summary>The cost of the code from a place to where its straight stretch ends.</summary>
    private int CostFrom(int position)
    {
        int cost = 0;
        var reader = new InstructionReader(_definition.Bytes.Span, position, _body.End);
        while (reader.Next())
        {
            cost = checked(cost + CostOf(reader.Opcode));
            if (Metering.EndsStretch(reader.Opcode))
            {
                break;
            }
        }

        return cost;
    }

    private int CostOf(Opcode opcode) => _module.Options.FuelCosts!.Of(opcode);

    private void ReloadFuel()
    {
        if (_isMetered)
        {
            _il.LoadLocal(_meter);
            _il.LoadField(RuntimeMembers.MeterRemaining);
            _il.StoreLocal(_fuel);
            _owed = 0;
            _isFuelWritten = true;
        }
    }

    /// <summary>Writes the exact count; the local keeps what it has.</summary>
    private void WriteExact()
    {
        if (_isMetered && (_owed != 0 || !_isFuelWritten))
        {
            _il.LoadLocal(_meter);
            _il.LoadLocal(_fuel);
            if (_owed != 0)
            {
                _il.Int32(_owed);
                _il.Emit(OpCodes.Sub);
            }

            _il.StoreField(RuntimeMembers.MeterRemaining);
            _isFuelWritten = _owed == 0;
        }
    }

    private void WriteOwed(int owed)
    {
        _il.LoadLocal(_meter);
        _il.Int32(owed);
        _il.StoreField(RuntimeMembers.MeterOwed);
    }

    /// <summary>Before an instruction that may trap.</summary>
    private void EmitFuelNote()
    {
        if (!_isMetered)
        {
            return;
        }

        if (!_isFuelWritten)
        {
            _il.LoadLocal(_meter);
            _il.LoadLocal(_fuel);
            _il.StoreField(RuntimeMembers.MeterRemaining);
        }

        WriteOwed(_owed);
    }

    /// <summary>Before a return: writes the count, and traps if it is below zero. No result may be on the IL stack, since that is a branch.</summary>
    private void FlushFuel()
    {
        if (_isMetered)
        {
            Pay();
            WriteExact();
            EmitStopIfNegative();
        }
    }

    private void PrepareMeteredCall(ref InstructionReader reader)
    {
        if (reader.Opcode == Opcode.Call && reader.Index >= _definition.ImportedFunctionCount)
        {
            // The callee looks at the count, and starts without a note of its own.
            WriteExact();
            return;
        }

        SpillRegion();
        Pay();
        WriteExact();
        WriteOwed(0);
        EmitStopIfNegative();
    }

    /// <summary>At loop heads: whether the guest was interrupted or has no fuel left.</summary>
    private void EmitMeterCheck() => EmitStopIfBelow(() =>
    {
        _il.LoadLocal(_meter);
        _il.Emit(OpCodes.Volatile);
        _il.LoadField(RuntimeMembers.MeterLeast);
    });

    private void EmitStopIfNegative() => EmitStopIfBelow(() =>
    {
        _il.Int32(0);
        _il.Emit(OpCodes.Conv_I);
    });

    private void EmitStopIfBelow(Action loadLeast)
    {
        if (_tryDepth > 0)
        {
            // No branch leads out of a protected region.
            int goesOn = _il.DefineLabel();
            _il.LoadLocal(_fuel);
            loadLeast();
            _il.Branch(OpCodes.Bge, goesOn);
            EmitStop(() => _il.Int32(_place));
            _il.MarkLabel(goesOn);
            return;
        }

        if (_stops.Count == 0 || _stops[^1].Place != _place)
        {
            _stops.Add((_il.DefineLabel(), _place));
        }

        _il.LoadLocal(_fuel);
        loadLeast();
        _il.Branch(OpCodes.Blt, _stops[^1].Label);
    }

    /// <summary>At the function's end: each place where it may stop says which it is.</summary>
    private void EmitMeterStop()
    {
        if (_stops.Count == 0)
        {
            return;
        }

        int place = _il.DeclareLocal(typeof(int));
        int stop = _il.DefineLabel();
        foreach ((int label, int offset) in _stops)
        {
            _il.MarkLabel(label);
            _il.Int32(offset);
            _il.StoreLocal(place);
            _il.Branch(OpCodes.Br, stop);
        }

        _il.MarkLabel(stop);
        EmitStop(() => _il.LoadLocal(place));
    }

    private void EmitStop(Action loadPlace)
    {
        // Nothing is owed where the count is looked at.
        _il.LoadLocal(_meter);
        _il.LoadLocal(_fuel);
        _il.StoreField(RuntimeMembers.MeterRemaining);
        WriteOwed(0);
        _il.LoadArgument(_instance);
        loadPlace();
        _il.Call(Trap(nameof(Traps.MeterStops)));
        _il.Emit(OpCodes.Throw);
    }

    private void EmitBulkCharge(Opcode opcode)
    {
        FuelCosts costs = _module.Options.FuelCosts!;
        StackEntry count = PopForLater();
        WriteExact();
        WriteOwed(Meter.SizeIsOwed);
        _il.LoadLocal(_meter);
        EmitEntry(count, keeps: true);
        Widen(count.Kind == WasmValueKind.I64);
        _il.Int32(Metering.CountsBytes(opcode) ? costs.BytesPerUnit : costs.ElementsPerUnit);
        _il.Call(RuntimeMembers.Method(typeof(Meter), nameof(Meter.ChargeBulk)));
        Push(count);
    }

    /// <summary>Whether an instruction can't trap here although it may elsewhere, or tells the meter itself when it does.</summary>
    private bool IsKnownToSucceed(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.I32DivU:
            case Opcode.I32RemU:
            case Opcode.I64DivU:
            case Opcode.I64RemU:
            case Opcode.I32RemS:
            case Opcode.I64RemS:
                return _stack[_height - 1] is { Form: StackForm.Constant, Bits: not 0 };
            case Opcode.I32DivS:
            case Opcode.I64DivS:
                return _stack[_height - 1] is { Form: StackForm.Constant, Bits: not (0 or -1) };
            case >= Opcode.I32Load and <= Opcode.I64Store32:
            case Opcode.V128Load:
            case Opcode.V128Store:
                return IsKnownInBounds(ref reader);
            default:
                return false;
        }
    }

    /// <summary>
    /// Whether a memory access can't trap, since the memory is never so small, or an access through the same local, which was not set since, has
    /// reached as far. Remembers accesses through locals for those that follow. Explicit checks need no notes: they write the count where they trap.
    /// </summary>
    private bool IsKnownInBounds(ref InstructionReader reader)
    {
        if (!IsGuarded(reader.Memory) || _boundedAccesses?.Contains(reader.Offset) == true)
        {
            return true;
        }

        bool isStore = reader.Opcode is (>= Opcode.I32Store and <= Opcode.I64Store32) or Opcode.V128Store;
        StackEntry index = _stack[_height - (isStore ? 2 : 1)];
        ulong end = reader.MemoryOffset + (1UL << reader.Instruction.AccessLog2);
        if (index.Form == StackForm.Constant)
        {
            return (uint)index.Bits + end <= _definition.Memories[reader.Memory].Minimum * PageSize;
        }

        if (index.Origin == 0 || reader.Memory != 0)
        {
            return false;
        }

        if (_knownAccesses!.Contains(index.Origin, index.Distance, end))
        {
            return true;
        }

        _knownAccesses.Add(index.Origin, index.Distance, end);
        return false;
    }

    /// <summary>An addition of a constant to a known value.</summary>
    private void EmitKnownAddition(ref InstructionReader reader)
    {
        StackEntry right = _stack[_height - 1];
        StackEntry left = _stack[_height - 2];
        (StackEntry value, StackEntry constant) = left.Form == StackForm.Constant ? (right, left) : (left, right);
        EmitInstruction(ref reader);
        if (value.Origin != 0 && constant.Form == StackForm.Constant && constant.Bits >= 0 && value.Distance + constant.Bits <= int.MaxValue)
        {
            _stack[_height - 1] = _stack[_height - 1] with { Origin = value.Origin, Distance = value.Distance + (int)constant.Bits };
        }
    }

    /// <summary>Before an instruction: control flow may part or join there.</summary>
    private void FollowBlocks(Opcode opcode)
    {
        KnownAccesses known = _knownAccesses!;
        switch (opcode)
        {
            case Opcode.Block:
            case Opcode.If:
            case Opcode.Try:
            case Opcode.TryTable:
                known.Open();
                break;
            case Opcode.Loop:
                known.Open();
                if (_scan.TryGetLocalsOfLoop(_blockCount, out ReadOnlySpan<int> locals))
                {
                    known.ForgetLocals(locals);
                }
                else
                {
                    known.Forget();
                }

                break;
            case Opcode.Else:
            case Opcode.Catch:
            case Opcode.CatchAll:
                known.Restart();
                break;
            case Opcode.End:
            case Opcode.Delegate:
                ControlFrame frame = _frames[^1];
                known.Close(frame.Opcode switch
                {
                    Opcode.Loop => frame.Exit is not null,
                    Opcode.Block => frame.IsTargeted,
                    _ => true,
                });
                break;
        }
    }
}
