using System.Reflection.Emit;
using Wherry.Binary;
using Wherry.Compilation.Demand;
using Wherry.Execution;
using Wherry.Instructions;

namespace Wherry.Compilation;

/// <content>
/// Loads, stores and safepoints. A 32-bit memory in a guarded reservation needs no check: index, offset and access can't leave the
/// reservation. All others are checked against the memory's length.
/// </content>
internal sealed partial class FunctionEmitter
{
    // Where the safepoint page lies, seen from the start of a guarded memory. The JIT drops a read whose result is unused where it
    // knows the pointer to be valid, but not at such a distance, which a null pointer's page does not span.
    private const int SafepointDistance = GuestInstance.SafepointDistance;

    private bool TryEmitMemory(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.I32Load:
                EmitLoad(ref reader, OpCodes.Ldind_I4, WasmValueKind.I32);
                return true;
            case Opcode.I64Load:
                EmitLoad(ref reader, OpCodes.Ldind_I8, WasmValueKind.I64);
                return true;
            case Opcode.F32Load:
                EmitLoad(ref reader, OpCodes.Ldind_R4, WasmValueKind.F32);
                return true;
            case Opcode.F64Load:
                EmitLoad(ref reader, OpCodes.Ldind_R8, WasmValueKind.F64);
                return true;
            case Opcode.I32Load8S:
                EmitLoad(ref reader, OpCodes.Ldind_I1, WasmValueKind.I32);
                return true;
            case Opcode.I32Load8U:
                EmitLoad(ref reader, OpCodes.Ldind_U1, WasmValueKind.I32);
                return true;
            case Opcode.I32Load16S:
                EmitLoad(ref reader, OpCodes.Ldind_I2, WasmValueKind.I32);
                return true;
            case Opcode.I32Load16U:
                EmitLoad(ref reader, OpCodes.Ldind_U2, WasmValueKind.I32);
                return true;
            case Opcode.I64Load8S:
                EmitLoad(ref reader, OpCodes.Ldind_I1, WasmValueKind.I64, OpCodes.Conv_I8);
                return true;
            case Opcode.I64Load8U:
                EmitLoad(ref reader, OpCodes.Ldind_U1, WasmValueKind.I64, OpCodes.Conv_U8);
                return true;
            case Opcode.I64Load16S:
                EmitLoad(ref reader, OpCodes.Ldind_I2, WasmValueKind.I64, OpCodes.Conv_I8);
                return true;
            case Opcode.I64Load16U:
                EmitLoad(ref reader, OpCodes.Ldind_U2, WasmValueKind.I64, OpCodes.Conv_U8);
                return true;
            case Opcode.I64Load32S:
                EmitLoad(ref reader, OpCodes.Ldind_I4, WasmValueKind.I64, OpCodes.Conv_I8);
                return true;
            case Opcode.I64Load32U:
                EmitLoad(ref reader, OpCodes.Ldind_U4, WasmValueKind.I64, OpCodes.Conv_U8);
                return true;
            case Opcode.I32Store:
                EmitStore(ref reader, OpCodes.Stind_I4);
                return true;
            case Opcode.I64Store:
                EmitStore(ref reader, OpCodes.Stind_I8);
                return true;
            case Opcode.F32Store:
                EmitStore(ref reader, OpCodes.Stind_R4);
                return true;
            case Opcode.F64Store:
                EmitStore(ref reader, OpCodes.Stind_R8);
                return true;
            case Opcode.I32Store8:
            case Opcode.I64Store8:
                EmitStore(ref reader, OpCodes.Stind_I1);
                return true;
            case Opcode.I32Store16:
            case Opcode.I64Store16:
                EmitStore(ref reader, OpCodes.Stind_I2);
                return true;
            case Opcode.I64Store32:
                EmitStore(ref reader, OpCodes.Stind_I4);
                return true;
            case Opcode.MemorySize:
                EmitMemoryObject(reader.Memory);
                _il.Call(MemoryMethod(_definition.Memories[reader.Memory].Is64Bit ? nameof(MemoryInstructions.Size64) : nameof(MemoryInstructions.Size)));
                PushEvaluated(AddressKind(reader.Memory));
                return true;
            case Opcode.MemoryGrow:
                EmitMemoryGrow(reader.Memory);
                return true;
            default:
                return false;
        }
    }

    private static System.Reflection.MethodInfo MemoryMethod(string name) => RuntimeMembers.Method(typeof(MemoryInstructions), name);

    private WasmValueKind AddressKind(int memory) => _definition.Memories[memory].Is64Bit ? WasmValueKind.I64 : WasmValueKind.I32;

    private bool IsGuarded(int memory)
    {
        MemoryType type = _definition.Memories[memory];
        return _module.Options.GuardsMemory && !type.Is64Bit && type.PageSizeLog2 == 16;
    }

    private void EmitMemoryGrow(int memory)
    {
        bool is64Bit = _definition.Memories[memory].Is64Bit;
        Load(1);
        Consume(1);
        _il.LoadArgument(_instance);
        _il.Int32(memory);
        _il.Call(MemoryMethod(is64Bit ? nameof(MemoryInstructions.Grow64) : nameof(MemoryInstructions.Grow)));
        PushEvaluated(AddressKind(memory));
    }

    private void EmitMemoryObject(int memory)
    {
        _il.LoadArgument(_instance);
        if (memory == 0)
        {
            _il.LoadField(RuntimeMembers.Memory0);
        }
        else
        {
            _il.LoadField(RuntimeMembers.Memories);
            _il.Int32(memory);
            _il.Emit(OpCodes.Ldelem_Ref);
        }
    }

    // Memories never move, so that each base is loaded once.
    private void EmitMemoryBases()
    {
        _memoryBases.AsSpan().SetAll(-1);
        for (int memory = 0; memory < _memoryBases.Length; memory++)
        {
            if (_scan.UsedMemories[memory])
            {
                _memoryBases[memory] = _il.DeclareLocal(typeof(nint));
            }
        }

        LoadMemoryBases();
    }

    private void LoadMemoryBases()
    {
        for (int memory = 0; memory < _memoryBases.Length; memory++)
        {
            if (_memoryBases[memory] < 0)
            {
                continue;
            }

            if (memory == 0)
            {
                _il.LoadArgument(_instance);
                _il.LoadField(RuntimeMembers.Memory0Base);
            }
            else
            {
                EmitMemoryObject(memory);
                _il.LoadField(RuntimeMembers.MemoryBase);
            }

            _il.StoreLocal(_memoryBases[memory]);
        }
    }

    private void EmitSafepointBase(bool isNeeded)
    {
        // The page beside a shared memory is nobody's: interrupting one store must not stop the guests of others.
        if ((_scan.HasLoops || isNeeded) && !(_memoryBases.Length > 0 && _memoryBases[0] >= 0 && IsGuarded(0) && !_definition.Memories[0].IsShared))
        {
            // Calls leave few registers, which the JIT gives to what comes first: better to the guest's own locals.
            _readsSafepointBase = _scan.HasReferenceLoops;
            if (!_readsSafepointBase)
            {
                _safepoint = _il.DeclareLocal(typeof(nint));
                LoadSafepointBase();
            }
        }
    }

    private void LoadSafepointBase()
    {
        if (_safepoint >= 0)
        {
            _il.LoadArgument(_instance);
            _il.LoadField(RuntimeMembers.SafepointBase);
            _il.StoreLocal(_safepoint);
        }
    }

    /// <summary>Written at loop heads. Volatile, or the JIT would take it out of the loop.</summary>
    private void EmitSafepoint()
    {
        EmitSamplePoll();
        if (_isMetered)
        {
            EmitMeterCheck();
            return;
        }

        if (!_module.Options.IsInterruptible)
        {
            return;
        }

        if (_readsSafepointBase)
        {
            _il.LoadArgument(_instance);
            _il.LoadField(RuntimeMembers.SafepointBase);
        }
        else
        {
            _il.LoadLocal(_safepoint >= 0 ? _safepoint : _memoryBases[0]);
        }

        _il.Int32(-SafepointDistance);
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Volatile);
        _il.Emit(OpCodes.Ldind_U1);
        if (_module.Options.HasSafepointPages)
        {
            _il.Emit(OpCodes.Pop);
            return;
        }

        // Without pages that fault, the byte tells.
        int goesOn = _il.DefineLabel();
        _il.Branch(OpCodes.Brfalse, goesOn);
        _il.LoadArgument(_instance);
        _il.Call(RuntimeMembers.Method(typeof(CallInstructions), nameof(CallInstructions.Safepoint)));
        _il.MarkLabel(goesOn);
    }

    private void EmitLoad(ref InstructionReader reader, OpCode load, WasmValueKind kind, OpCode? extension = null)
    {
        StackEntry probed = KeepProbedIndex(ref reader);
        int depth = EmitAddress(ref reader);
        _il.Emit(load);
        if (extension is { } code)
        {
            _il.Emit(code);
        }

        PushLoaded(ref reader, kind, depth + 2, probed);
    }

    /// <summary>Whether the JIT may make a load read fewer bytes than it should, or none: see <see cref="LoadDemand"/>.</summary>
    private bool IsShortened(ref InstructionReader reader) =>
        _shortenedLoads is not null && IsGuarded(reader.Memory) && _shortenedLoads.Contains(reader.Offset);

    /// <summary>If a load may be shortened, makes the index on top of the stack one that can be loaded again.</summary>
    /// <returns>The index; anything else for other loads.</returns>
    private StackEntry KeepProbedIndex(ref InstructionReader reader)
    {
        if (!IsShortened(ref reader))
        {
            return default;
        }

        StackEntry index = PopForLater();
        Push(index with { IsPinned = true });
        return index;
    }

    /// <summary>Pushes what a load left on the IL stack. If it may be shortened, the last byte is read too: what is in bounds there is so at all.</summary>
    private void PushLoaded(ref InstructionReader reader, WasmValueKind kind, int depth, StackEntry probed)
    {
        if (!IsShortened(ref reader))
        {
            PushEvaluated(kind, depth);
            return;
        }

        int result = AllocateTemporary(kind);
        _il.StoreLocal(result);
        if (reader.Memory == 0)
        {
            _il.LoadArgument(_instance);
            _il.LoadField(RuntimeMembers.Memory0ProbeBase);
        }
        else
        {
            EmitMemoryObject(reader.Memory);
            _il.LoadField(RuntimeMembers.MemoryProbeBase);
        }

        EmitEntry(probed, keeps: false);
        _il.Emit(OpCodes.Conv_U);
        _il.Emit(OpCodes.Add);
        _il.Int64((long)reader.MemoryOffset + (1L << reader.Instruction.AccessLog2) - 1 - Memory.ProbeDistance);
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Ldind_U1);
        _il.Emit(OpCodes.Pop);
        Push(new StackEntry(StackForm.Temporary, kind, Index: result));
    }

    private void EmitStore(ref InstructionReader reader, OpCode store)
    {
        StackEntry value = PopForLater();
        EmitAddress(ref reader);
        EmitEntry(value, keeps: false);
        if (value.Kind == WasmValueKind.I64 && store != OpCodes.Stind_I8)
        {
            _il.Emit(OpCodes.Conv_I4);
        }

        _il.Emit(store);
    }

    /// <summary>Takes the topmost operand off the stack, and off the IL stack, so that the one under it can be worked on.</summary>
    private StackEntry PopForLater()
    {
        StackEntry value = _stack[_height - 1];
        if (!value.IsOnStack)
        {
            return Pop();
        }

        Load(1);
        return new StackEntry(StackForm.Temporary, value.Kind, Index: StoreTop(), IsRotation: value.IsRotation, Type: value.Type);
    }

    /// <summary>Turns the index on top of the stack into an address on the IL stack, checked where it must be.</summary>
    /// <param name="skipped">Bytes of the access to skip.</param>
    /// <returns>How deep its expression is.</returns>
    private int EmitAddress(ref InstructionReader reader, ulong skipped = 0)
    {
        int memory = reader.Memory;
        ulong offset = reader.MemoryOffset + skipped;
        ulong size = (1UL << reader.Instruction.AccessLog2) - skipped;
        StackEntry index = _stack[_height - 1];
        if (!IsGuarded(memory))
        {
            return EmitCheckedAddress(memory, offset, size);
        }

        if (index.Form == StackForm.Constant)
        {
            Pop();
            _il.LoadLocal(_memoryBases[memory]);
            EmitOffset((uint)index.Bits + offset);
            return 2;
        }

        Load(1);
        int depth = Consume(1);
        _il.Emit(OpCodes.Conv_U);
        _il.LoadLocal(_memoryBases[memory]);
        _il.Emit(OpCodes.Add);
        EmitOffset(offset);
        return depth + 3;
    }

    private void EmitOffset(ulong offset)
    {
        if (offset == 0)
        {
            return;
        }

        if (offset <= int.MaxValue)
        {
            _il.Int32((int)offset);
            _il.Emit(OpCodes.Conv_I);
        }
        else
        {
            _il.Int64((long)offset);
            _il.Emit(OpCodes.Conv_I);
        }

        _il.Emit(OpCodes.Add);
    }

    private void EmitMemoryTrap(int index)
    {
        EmitFuelNote();
        _il.LoadLocal(index);
        _il.LoadArgument(_instance);
        _il.Int32(_place);
        _il.Call(RuntimeMembers.Method(typeof(Traps), nameof(Traps.MemoryOutOfBounds), typeof(ulong), typeof(GuestInstance), typeof(int)));
        _il.Emit(OpCodes.Throw);
    }

    private int EmitCheckedAddress(int memory, ulong offset, ulong size)
    {
        Load(1);
        int depth = Consume(1);
        int index = AllocateTemporary(WasmValueKind.I64);
        _il.Emit(OpCodes.Conv_U8);
        _il.StoreLocal(index);

        int good = _il.DefineLabel();
        if (offset > ulong.MaxValue - size)
        {
            // The length of a 64-bit memory is far below 2^64, so that an end beyond it is out of bounds whatever the index. What comes after is written all the
            // same, and needs a way to it on which the IL stack is as it expects.
            _il.Int32(0);
            _il.Branch(OpCodes.Brtrue, good);
            offset = 0;
        }
        else if (_definition.Memories[memory].Is64Bit)
        {
            _il.LoadLocal(index);
            _il.Int64((long)(offset + size));
            EmitMemoryObject(memory);
            _il.LoadField(RuntimeMembers.MemoryLength);
            _il.Call(MemoryMethod(nameof(MemoryInstructions.IsOutside)));
            _il.Branch(OpCodes.Brfalse, good);
        }
        else
        {
            _il.LoadLocal(index);
            _il.Int64((long)(offset + size));
            _il.Emit(OpCodes.Add);
            EmitMemoryObject(memory);
            _il.LoadField(RuntimeMembers.MemoryLength);
            _il.Branch(OpCodes.Ble_Un, good);
        }

        EmitMemoryTrap(index);
        _il.MarkLabel(good);
        _il.LoadLocal(index);
        _il.Emit(OpCodes.Conv_U);
        _il.LoadLocal(_memoryBases[memory]);
        _il.Emit(OpCodes.Add);
        EmitOffset(offset);
        Release(index, WasmValueKind.I64);
        return Math.Min(depth, MaximumDepth - 10);
    }
}
