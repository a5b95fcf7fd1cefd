using System.Runtime.Intrinsics;
using Wherry.Binary;
using Wherry.Execution.Heap;
using Wherry.Instructions;
using Wherry.Types;

namespace Wherry.Execution;

/// <summary>A value outside of compiled code: the member that its type asks for is meaningful.</summary>
/// <param name="bits">i32, i64, floats by their bits, and a vector's lower half.</param>
/// <param name="reference">A reference.</param>
/// <param name="upperBits">A vector's upper half. A field that is a vector itself would leave all methods that pass the value to the JIT.</param>
internal readonly struct ConstantValue(long bits, object? reference = null, long upperBits = 0)
{
    public long Bits { get; } = bits;

    public object? Reference { get; } = reference;

    public static ConstantValue OfVector(in Vector128<byte> vector) => new(vector.AsInt64().ToScalar(), null, vector.AsInt64().GetElement(1));

    public void GetVector(out Vector128<byte> vector) => vector = Vector128.Create(Bits, upperBits).AsByte();

    public object BoxVector()
    {
        GetVector(out Vector128<byte> vector);
        return vector;
    }
}

/// <summary>Evaluates constant expressions (specification, 4.7.3).</summary>
/// <param name="globals">The globals that exist so far.</param>
internal sealed class ConstantEvaluator(GuestInstance instance, ConstantValue[] globals)
{
    private readonly Stack<ConstantValue> _stack = [];

    public ConstantValue Evaluate(ConstantExpression expression)
    {
        ModuleDefinition definition = instance.Code.Definition;
        var reader = new InstructionReader(definition.Bytes.Span, expression.Offset, expression.Offset + expression.Length);
        while (reader.Next() && reader.Opcode != Opcode.End)
        {
            Step(ref reader);
        }

        return _stack.Pop();
    }

    private void Push(object reference) => _stack.Push(new ConstantValue(0, reference));

    private ConstantValue[] Pop(int count)
    {
        var values = new ConstantValue[count];
        for (int i = count - 1; i >= 0; i--)
        {
            values[i] = _stack.Pop();
        }

        return values;
    }

    private void Step(ref InstructionReader reader)
    {
        switch (reader.Opcode)
        {
            case Opcode.I32Const:
            case Opcode.I64Const:
                _stack.Push(new ConstantValue(reader.Integer));
                break;
            case Opcode.F32Const:
            case Opcode.F64Const:
                _stack.Push(new ConstantValue((long)reader.Bits));
                break;
            case Opcode.V128Const:
                _stack.Push(ConstantValue.OfVector(reader.Vector));
                break;
            case Opcode.RefNull:
                _stack.Push(default);
                break;
            case Opcode.RefFunc:
                _stack.Push(new ConstantValue(0, instance.GetReference(reader.Index)));
                break;
            case Opcode.RefI31:
                _stack.Push(new ConstantValue(0, I31.Create((int)_stack.Pop().Bits, instance)));
                break;
            case Opcode.AnyConvertExtern:
            case Opcode.ExternConvertAny:
                break;
            case Opcode.StructNew:
                DefinedType structType = instance.Types[reader.Index];
                Push(HeapFactory.NewStruct(structType, Pop(structType.Fields.Length), instance.Heap));
                break;
            case Opcode.StructNewDefault:
                Push(HeapFactory.NewStruct(instance.Types[reader.Index], [], instance.Heap));
                break;
            case Opcode.StructNewDesc:
            case Opcode.StructNewDefaultDesc:
                object? descriptor = _stack.Pop().Reference;
                DefinedType describedType = instance.Types[reader.Index];
                ConstantValue[] fields = reader.Opcode == Opcode.StructNewDesc ? Pop(describedType.Fields.Length) : [];
                object described = HeapFactory.NewStruct(describedType, fields, instance.Heap);
                DescriptorInstructions.Set(described, descriptor);
                Push(described);
                break;
            case Opcode.ArrayNew:
                int length = (int)_stack.Pop().Bits;
                Push(HeapFactory.NewArray(instance.Types[reader.Index], _stack.Pop(), length, instance.Heap));
                break;
            case Opcode.ArrayNewDefault:
                Push(HeapFactory.NewArray(instance.Types[reader.Index], null, (int)_stack.Pop().Bits, instance.Heap));
                break;
            case Opcode.ArrayNewFixed:
                Push(HeapFactory.NewArray(instance.Types[reader.Index], Pop(reader.Index2), instance.Heap));
                break;
            case Opcode.GlobalGet:
                _stack.Push(globals[reader.Index]);
                break;
            default:
                long right = _stack.Pop().Bits;
                long left = _stack.Pop().Bits;
                _stack.Push(new ConstantValue(reader.Opcode switch
                {
                    Opcode.I32Add => (int)left + (int)right,
                    Opcode.I32Sub => (int)left - (int)right,
                    Opcode.I32Mul => (int)left * (int)right,
                    Opcode.I64Add => left + right,
                    Opcode.I64Sub => left - right,
                    Opcode.I64Mul => left * right,
                    _ => throw new InvalidOperationException($"{reader.Instruction.Name} in a constant expression."),
                }));
                break;
        }
    }
}
