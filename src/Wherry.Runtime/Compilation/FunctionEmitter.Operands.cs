using System.Reflection.Emit;

namespace Wherry.Compilation;

/// <content>The operand stack: what lies on the IL stack and what is yet to be loaded.</content>
internal sealed partial class FunctionEmitter
{
    // RyuJIT recurses over expressions, with up to 650 bytes of native stack a level.
    private const int MaximumDepth = 100;

    // IL counts its stack in 16 bits, and the JIT has no joy in a large one.
    private const int MaximumOnStack = 1_000;

    // How many operands under those that are needed are loaded with them, so that they come first.
    private const int MaximumLoadedAhead = 64;

    // With many locals, those that are free again are used again: the JIT tracks only so many.
    private const int LocalsBeforeReuse = 256;

    private readonly Stack<int>[] _freeTemporaries = [new(), new(), new(), new(), new(), new()];
    private StackEntry[] _stack = new StackEntry[32];
    private int _height;
    private int _onStack;

    private int Region => _frames[^1].Region;

    private void Push(StackEntry entry)
    {
        if (_height > 0 && _stack[_height - 1].Form == StackForm.Comparison)
        {
            MaterializeComparison();
        }

        if (_height == _stack.Length)
        {
            Array.Resize(ref _stack, _height * 2);
        }

        _stack[_height++] = entry;
        if (entry.IsOnStack)
        {
            _onStack++;
            if (entry.Depth > MaximumDepth)
            {
                Spill(_height - 1);
            }
            else if (_onStack > MaximumOnStack)
            {
                SpillRegion();
            }
        }
    }

    private void PushEvaluated(WasmValueKind kind, int depth = 1) => Push(new StackEntry(StackForm.Evaluated, kind, Depth: depth));

    private void PushEvaluated(WasmValueType type, int depth = 1) => Push(new StackEntry(StackForm.Evaluated, type.Kind, Depth: depth, Type: type.HeapType.Defined));

    private StackEntry Pop()
    {
        StackEntry entry = _stack[--_height];
        if (entry.IsOnStack)
        {
            _onStack--;
        }

        return entry;
    }

    /// <summary>Forgets operands that were consumed from the IL stack, and tells how deep the deepest of their expressions is.</summary>
    private int Consume(int count)
    {
        int depth = 0;
        for (int i = 0; i < count; i++)
        {
            depth = Math.Max(depth, Pop().Depth);
        }

        return depth;
    }

    /// <summary>Brings the topmost operands onto the IL stack, in their order.</summary>
    /// <param name="loadsAhead">Whether operands under them may be loaded too: not if nothing else may lie on the IL stack.</param>
    private void Load(int count, bool loadsAhead = true)
    {
        if (count == 0)
        {
            return;
        }

        if (_stack[_height - 1].Form == StackForm.Comparison)
        {
            MaterializeComparison();
        }

        int start = _height - count;
        while (start < _height && _stack[start].IsOnStack)
        {
            start++;
        }

        if (start == _height)
        {
            return;
        }

        // Operands above one that is yet to be loaded have to make way.
        for (int i = _height - 1; i > start; i--)
        {
            if (_stack[i].IsOnStack)
            {
                for (int above = _height - 1; above > start; above--)
                {
                    if (_stack[above].IsOnStack)
                    {
                        Spill(above);
                    }
                }

                break;
            }
        }

        if (loadsAhead && start == _height - count)
        {
            int lowest = Math.Max(Region, start - MaximumLoadedAhead);
            while (start > lowest && _stack[start - 1].Form is StackForm.Constant or StackForm.Local)
            {
                start--;
            }
        }

        for (int i = start; i < _height; i++)
        {
            EmitEntry(_stack[i], keeps: false);
            _stack[i] = new StackEntry(StackForm.Evaluated, _stack[i].Kind, IsRotation: _stack[i].IsRotation, Origin: _stack[i].Origin, Distance: _stack[i].Distance, Type: _stack[i].Type);
        }

        _onStack += _height - start;
    }

    /// <summary>Loads an operand that is not on the IL stack.</summary>
    /// <param name="keeps">Whether it will be needed again.</param>
    private void EmitEntry(StackEntry entry, bool keeps)
    {
        switch (entry.Form)
        {
            case StackForm.Local:
                LoadVariable(entry.Index);
                break;
            case StackForm.Temporary:
                _il.LoadLocal(entry.Index);
                if (!keeps && !entry.IsPinned)
                {
                    Release(entry.Index, entry.Kind);
                }

                break;
            default:
                EmitConstant(entry);
                break;
        }
    }

    private void EmitConstant(StackEntry entry)
    {
        switch (entry.Kind)
        {
            case WasmValueKind.I32:
                _il.Int32((int)entry.Bits);
                break;
            case WasmValueKind.I64:
                _il.Int64(entry.Bits);
                break;
            case WasmValueKind.F32:
                float single = BitConverter.Int32BitsToSingle((int)entry.Bits);
                if (float.IsNaN(single))
                {
                    // The JIT keeps float constants as doubles, and the conversion would make a signalling NaN quiet.
                    _il.Int32((int)entry.Bits);
                    _il.Call(RuntimeMembers.Method(typeof(Execution.Numeric), nameof(Execution.Numeric.SingleFromBits)));
                }
                else
                {
                    _il.Single(single);
                }

                break;
            case WasmValueKind.F64:
                _il.Double(BitConverter.Int64BitsToDouble(entry.Bits));
                break;
            case WasmValueKind.V128:
                EmitVectorConstant(default);
                break;
            default:
                _il.Emit(OpCodes.Ldnull);
                break;
        }
    }

    /// <summary>Moves an operand into a local. Only the topmost one on the IL stack can move.</summary>
    private void Spill(int index)
    {
        StackEntry entry = _stack[index];
        if (entry.Form == StackForm.Comparison)
        {
            MaterializeComparison();
        }

        int temporary = AllocateTemporary(entry.Kind);
        if (entry.IsOnStack)
        {
            _onStack--;
        }
        else
        {
            EmitEntry(entry, keeps: false);
        }

        _il.StoreLocal(temporary);
        _stack[index] = new StackEntry(StackForm.Temporary, entry.Kind, Index: temporary, IsRotation: entry.IsRotation, Type: entry.Type);
    }

    /// <summary>Empties the IL stack; locals, whose value could change before they are loaded, are copied if a branch follows.</summary>
    private void SpillRegion(bool copiesLocals = false)
    {
        int region = Region;
        for (int i = _height - 1; i >= region; i--)
        {
            if (_stack[i].IsOnStack || (copiesLocals && _stack[i].Form == StackForm.Local))
            {
                Spill(i);
            }
        }
    }

    /// <summary>Pops the topmost operand, which is on the IL stack, into a local.</summary>
    private int StoreTop()
    {
        StackEntry entry = Pop();
        int temporary = AllocateTemporary(entry.Kind);
        _il.StoreLocal(temporary);
        return temporary;
    }

    private bool IsAnyOnStack(int below)
    {
        int region = Region;
        for (int i = below - 1; i >= region; i--)
        {
            if (_stack[i].IsOnStack)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Empties the IL stack but for the topmost operands, before a branch that is always taken.</summary>
    private void DropAllBelow(int kept)
    {
        int first = _height - kept;
        if (!IsAnyOnStack(first))
        {
            return;
        }

        for (int i = _height - 1; i >= first; i--)
        {
            if (_stack[i].IsOnStack)
            {
                Spill(i);
            }
        }

        int region = Region;
        for (int i = first - 1; i >= region; i--)
        {
            if (_stack[i].IsOnStack)
            {
                _il.Emit(OpCodes.Pop);
                _onStack--;
                if (_stack[i].Form == StackForm.Comparison)
                {
                    _il.Emit(OpCodes.Pop);
                }

                _stack[i] = new StackEntry(StackForm.Constant, WasmValueKind.I32);
            }
        }
    }

    private int AllocateTemporary(WasmValueKind kind)
    {
        Stack<int> free = _freeTemporaries[(int)kind];
        return _il.LocalCount >= LocalsBeforeReuse && free.Count > 0 ? free.Pop() : _il.DeclareLocal(ClrTypes.Of(kind));
    }

    private void Release(int temporary, WasmValueKind kind) => _freeTemporaries[(int)kind].Push(temporary);
}
