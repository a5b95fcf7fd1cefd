using Wherry.Instructions;
using Wherry.Types;

namespace Wherry.Validation;

internal ref partial struct FunctionValidator
{
    private static readonly OperandType[] NullableEq = [OperandType.Reference(HeapTypeKind.Eq, isNullable: true)];

    /// <summary>Instructions 0xD0 to 0xD6.</summary>
    private void ValidateReference()
    {
        switch (_reader.Opcode)
        {
            case Opcode.RefNull:
                _features.Require(_reader.HeapType, _reader.Offset);
                CheckHeapType(_reader.HeapType);
                Push(_context.Pack(_reader.HeapType, isNullable: true));
                break;
            case Opcode.RefIsNull:
                _ = PopReference();
                Push(OperandType.I32);
                break;
            case Opcode.RefFunc:
                ValidateRefFunc(_reader.Index);
                break;
            case Opcode.RefEq:
                Pop(NullableEq[0]);
                Pop(NullableEq[0]);
                Push(OperandType.I32);
                break;
            case Opcode.RefAsNonNull:
                Push(NonNull(PopReference()));
                break;
            case Opcode.BrOnNull:
                OperandType reference = PopReference();
                PopAndPush(LabelTypes(_reader.Index));
                Push(NonNull(reference));
                break;
            case Opcode.BrOnNonNull:
                OperandType[] label = LabelWithReference(_reader.Index);
                Push(NonNull(PopReference()));
                PopAndPush(label);
                _ = Pop();
                break;
        }
    }

    private void ValidateRefFunc(int index)
    {
        Signature signature = Function(index);
        if (_function >= 0 && !_context.Module.DeclaredFunctions[index])
        {
            Invalid($"undeclared function reference: function {index} occurs in no export, global or element segment");
        }

        bool isExact = _context.HasExactTypes && !(index < _context.InexactFunctions.Length && _context.InexactFunctions[index]);
        Push(OperandType.Defined(signature.TypeIndex, isNullable: false, isExact));
    }

    private static OperandType NonNull(OperandType type) => type.IsBottom ? OperandType.BottomReference : type.AsNonNullable();

    /// <summary>The types of a label whose last one is a reference.</summary>
    private readonly OperandType[] LabelWithReference(int label)
    {
        OperandType[] types = LabelTypes(label);
        if (types.Length == 0 || !types[^1].IsReference)
        {
            Invalid($"type mismatch: label {label} takes {Describe(types)}, which does not end with a reference");
        }

        return types;
    }

    /// <summary>Instructions with the prefix 0xFB.</summary>
    private void ValidateGarbageCollection()
    {
        switch (_reader.Opcode)
        {
            case Opcode.StructNew:
            case Opcode.StructNewDefault:
            case Opcode.StructNewDesc:
            case Opcode.StructNewDefaultDesc:
                ValidateStructNew();
                break;
            case Opcode.StructGet:
            case Opcode.StructGetS:
            case Opcode.StructGetU:
            case Opcode.StructSet:
                ValidateStructAccess();
                break;
            case <= Opcode.ArrayInitElem:
                ValidateArray();
                break;
            case Opcode.AnyConvertExtern:
                Convert(HeapTypeKind.Extern, HeapTypeKind.Any);
                break;
            case Opcode.ExternConvertAny:
                Convert(HeapTypeKind.Any, HeapTypeKind.Extern);
                break;
            case Opcode.RefI31:
                Pop(OperandType.I32);
                Push(OperandType.Reference(HeapTypeKind.I31, isNullable: false));
                break;
            case Opcode.I31GetS:
            case Opcode.I31GetU:
                Pop(OperandType.Reference(HeapTypeKind.I31, isNullable: true));
                Push(OperandType.I32);
                break;
            default:
                ValidateCast();
                break;
        }
    }

    private void Convert(HeapTypeKind from, HeapTypeKind to)
    {
        OperandType operand = PopSlow(OperandType.Reference(from, isNullable: true));

        // Bottom is any type, so also one without null.
        Push(OperandType.Reference(to, !operand.IsBottom && operand.IsNullable));
    }

    private void ValidateStructNew()
    {
        DefinedType type = StructType(_reader.Index);
        bool withDescriptor = _reader.Opcode is Opcode.StructNewDesc or Opcode.StructNewDefaultDesc;
        if (withDescriptor)
        {
            if (type.Descriptor is not { } descriptor)
            {
                Invalid($"type without descriptor requires non-descriptor allocation: type {_reader.Index}");
                return;
            }

            Pop(OperandType.Defined(_context.IndexOf(descriptor), isNullable: true, isExact: true));
        }
        else if (type.Descriptor is not null)
        {
            Invalid($"type with descriptor requires descriptor allocation: type {_reader.Index}");
        }

        bool isDefault = _reader.Opcode is Opcode.StructNewDefault or Opcode.StructNewDefaultDesc;
        for (int i = type.Fields.Length - 1; i >= 0; i--)
        {
            WasmValueType field = type.Fields[i].Type;
            if (!isDefault)
            {
                Pop(_context.Pack(field));
            }
            else if (!field.IsDefaultable)
            {
                Invalid($"type mismatch: field {i} of type {_reader.Index} has no default value, its type is {field}");
            }
        }

        PushAllocated(_reader.Index);
    }

    private void PushAllocated(int type) => Push(OperandType.Defined(_context.Canonical(type), isNullable: false, _context.HasExactTypes));

    private void ValidateStructAccess()
    {
        DefinedType type = StructType(_reader.Index);
        if ((uint)_reader.Index2 >= (uint)type.Fields.Length)
        {
            Invalid($"unknown field {_reader.Index2}: struct type {_reader.Index} has {type.Fields.Length}");
        }

        FieldType field = type.Fields[_reader.Index2];
        OperandType reference = OperandType.Defined(_context.Canonical(_reader.Index), isNullable: true);
        if (_reader.Opcode == Opcode.StructSet)
        {
            if (!field.IsMutable)
            {
                Invalid($"immutable field {_reader.Index2} of struct type {_reader.Index} can't be set");
            }

            Pop(_context.Pack(field.Type));
            Pop(reference);
            return;
        }

        CheckPacking(field, _reader.Opcode != Opcode.StructGet);
        Pop(reference);
        Push(_context.Pack(field.Type));
    }

    private readonly void CheckPacking(FieldType field, bool extends)
    {
        if (field.Packing == Packing.None && extends)
        {
            Invalid("type mismatch: field is unpacked, so it can't be extended");
        }

        if (field.Packing != Packing.None && !extends)
        {
            Invalid("type mismatch: field is packed, so it must be read with _s or _u");
        }
    }

    private void ValidateArray()
    {
        if (_reader.Opcode == Opcode.ArrayLen)
        {
            Pop(OperandType.Reference(HeapTypeKind.Array, isNullable: true));
            Push(OperandType.I32);
            return;
        }

        int index = _reader.Index;
        FieldType field = ArrayType(index);
        OperandType element = _context.Pack(field.Type);
        OperandType reference = OperandType.Defined(_context.Canonical(index), isNullable: true);
        if (!field.IsMutable
            && _reader.Opcode is Opcode.ArraySet or Opcode.ArrayFill or Opcode.ArrayCopy or Opcode.ArrayInitData or Opcode.ArrayInitElem)
        {
            Invalid($"immutable array: elements of type {index} can't be set");
        }

        switch (_reader.Opcode)
        {
            case Opcode.ArrayNew:
                Pop(OperandType.I32);
                Pop(element);
                PushAllocated(index);
                break;
            case Opcode.ArrayNewDefault:
                if (!field.Type.IsDefaultable)
                {
                    Invalid($"type mismatch: elements of type {index} have no default value, their type is {field.Type}");
                }

                Pop(OperandType.I32);
                PushAllocated(index);
                break;
            case Opcode.ArrayNewFixed:
                PopMany(element, _reader.Index2);
                PushAllocated(index);
                break;
            case Opcode.ArrayNewData:
                CheckDataElement(field);
                CheckDataSegment(_reader.Index2);
                Pop(OperandType.I32);
                Pop(OperandType.I32);
                PushAllocated(index);
                break;
            case Opcode.ArrayNewElem:
                CheckElements(ElementSegment(_reader.Index2), element, "the array");
                Pop(OperandType.I32);
                Pop(OperandType.I32);
                PushAllocated(index);
                break;
            case Opcode.ArrayGet:
            case Opcode.ArrayGetS:
            case Opcode.ArrayGetU:
                CheckPacking(field, _reader.Opcode != Opcode.ArrayGet);
                Pop(OperandType.I32);
                Pop(reference);
                Push(element);
                break;
            case Opcode.ArraySet:
                Pop(element);
                Pop(OperandType.I32);
                Pop(reference);
                break;
            case Opcode.ArrayFill:
                Pop(OperandType.I32);
                Pop(element);
                Pop(OperandType.I32);
                Pop(reference);
                break;
            case Opcode.ArrayCopy:
                FieldType source = ArrayType(_reader.Index2);
                if (source.Packing != field.Packing || !_context.Matches(_context.Pack(source.Type), element))
                {
                    Invalid($"array types do not match: {index} and {_reader.Index2}");
                }

                Pop(OperandType.I32);
                Pop(OperandType.I32);
                Pop(OperandType.Defined(_context.Canonical(_reader.Index2), isNullable: true));
                Pop(OperandType.I32);
                Pop(reference);
                break;
            case Opcode.ArrayInitData:
                CheckDataElement(field);
                CheckDataSegment(_reader.Index2);
                Pop(OperandType.I32);
                Pop(OperandType.I32);
                Pop(OperandType.I32);
                Pop(reference);
                break;
            case Opcode.ArrayInitElem:
                CheckElements(ElementSegment(_reader.Index2), element, "the array");
                Pop(OperandType.I32);
                Pop(OperandType.I32);
                Pop(OperandType.I32);
                Pop(reference);
                break;
        }
    }

    /// <summary>Pops as many as a count in the code says, which may be more than could ever be on the stack.</summary>
    private void PopMany(OperandType element, int count)
    {
        for (int i = 0; i < count; i++)
        {
            if (_height == _floor && _isUnreachable)
            {
                return;
            }

            Pop(element);
        }
    }

    private readonly void CheckDataElement(FieldType field)
    {
        if (field.Type.IsReference)
        {
            Invalid($"array type is not numeric or vector: its elements are {field.Type}");
        }
    }

    private readonly DefinedType StructType(int index)
    {
        DefinedType type = DefinedType(index);
        if (type.Kind != CompositeKind.Struct)
        {
            Invalid($"type mismatch: type {index} is not a struct type, but {type}");
        }

        return type;
    }

    private readonly FieldType ArrayType(int index)
    {
        DefinedType type = DefinedType(index);
        if (type.Kind != CompositeKind.Array)
        {
            Invalid($"type mismatch: type {index} is not an array type, but {type}");
        }

        return type.Fields[0];
    }

    private void ValidateCast()
    {
        Opcode opcode = _reader.Opcode;
        switch (opcode)
        {
            case Opcode.RefTest:
            case Opcode.RefTestNullable:
            case Opcode.RefCast:
            case Opcode.RefCastNullable:
                OperandType target = CastTarget(opcode is Opcode.RefTestNullable or Opcode.RefCastNullable);
                Pop(OperandType.Reference(_context.TopOf(target), isNullable: true));
                Push(opcode is Opcode.RefTest or Opcode.RefTestNullable ? OperandType.I32 : target);
                break;
            case Opcode.RefCastDescEq:
            case Opcode.RefCastDescEqNullable:
                OperandType described = CastTarget(opcode == Opcode.RefCastDescEqNullable);
                Pop(DescriptorOf(described));
                Pop(OperandType.Reference(_context.TopOf(described), isNullable: true));
                Push(described);
                break;
            case Opcode.RefGetDesc:
                ValidateRefGetDesc();
                break;
            default:
                ValidateBranchOnCast();
                break;
        }
    }

    private OperandType CastTarget(bool isNullable)
    {
        _features.Require(_reader.HeapType, _reader.Offset);
        CheckHeapType(_reader.HeapType);
        return _context.Pack(_reader.HeapType, isNullable);
    }

    private void ValidateRefGetDesc()
    {
        DefinedType type = DefinedType(_reader.Index);
        if (type.Descriptor is not { } descriptor)
        {
            Invalid($"type without descriptor: type {_reader.Index}");
            return;
        }

        int index = _context.Canonical(_reader.Index);
        OperandType operand = PopSlow(OperandType.Defined(index, isNullable: true));

        // Whatever is known to be exactly of the type, or to be no value at all, has exactly its descriptor.
        bool isExact = operand.IsBottom || operand.IsBottomHeap || operand.Heap == HeapTypeKind.None || (operand.IsExact && operand.TypeIndex == index);
        Push(OperandType.Defined(_context.IndexOf(descriptor), isNullable: false, isExact));
    }

    /// <summary>The operand that a cast by descriptor takes: exact if what it asks for is.</summary>
    private readonly OperandType DescriptorOf(OperandType target)
    {
        if (!target.IsDefined || _context.Module.Types[target.TypeIndex].Descriptor is not { } descriptor)
        {
            string name = target.IsDefined ? $"{_reader.HeapType.TypeIndex}" : target.Heap.ToString().ToLowerInvariant();
            Invalid($"type {name} does not have a descriptor");
            return default;
        }

        return OperandType.Defined(_context.IndexOf(descriptor), isNullable: true, target.IsExact);
    }

    private void ValidateBranchOnCast()
    {
        Opcode opcode = _reader.Opcode;
        OperandType source = Resolve(_reader.CastSource);
        OperandType target = Resolve(_reader.CastTarget);
        OperandType[] label = LabelWithReference(_reader.Index);
        if (opcode is Opcode.BrOnCastDescEq or Opcode.BrOnCastDescEqFail)
        {
            if (!target.IsDefined)
            {
                Invalid($"type {target.Heap.ToString().ToLowerInvariant()} does not have a descriptor");
            }

            if (_context.Module.Types[target.TypeIndex].Descriptor is not { } descriptor)
            {
                Invalid($"type {_reader.CastTarget.HeapType.TypeIndex} does not have a descriptor");
                return;
            }

            Pop(OperandType.Defined(_context.IndexOf(descriptor), isNullable: true, target.IsExact));
        }

        // With custom descriptors the types need only be of one hierarchy.
        bool related = _context.HasExactTypes ? _context.TopOf(target) == _context.TopOf(source) : _context.Matches(target, source);
        if (!related)
        {
            Invalid($"type mismatch: {_context.Describe(target)} is not a subtype of {_context.Describe(source)}");
        }

        Pop(source);

        // What is left if the cast fails: null only if the target excludes it.
        OperandType rest = target.IsNullable ? source.AsNonNullable() : source;
        bool branchesOnSuccess = opcode is Opcode.BrOnCast or Opcode.BrOnCastDescEq;
        Push(branchesOnSuccess ? target : rest);
        PopAndPush(label);
        _ = Pop();
        Push(branchesOnSuccess ? rest : target);
    }
}
