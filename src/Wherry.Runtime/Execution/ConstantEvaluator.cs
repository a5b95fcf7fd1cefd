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
    private Stack<ConstantValue>? _operands;

    private Stack<ConstantValue> Operands => _operands ??= [];

    public ConstantValue Evaluate(ConstantExpression expression)
    {
        ReadOnlySpan<byte> bytes = instance.Code.Definition.Bytes.Span.Slice(expression.Offset, expression.Length);
        if (SimpleExpression.TryRead(bytes, out Opcode opcode, out long number, out _))
        {
            return opcode switch
            {
                Opcode.GlobalGet => globals[number],
                Opcode.RefFunc => new ConstantValue(0, instance.GetReference((int)number)),
                _ => new ConstantValue(number),
            };
        }

        return EvaluateAny(expression);
    }

    private ConstantValue EvaluateAny(ConstantExpression expression)
    {
        ModuleDefinition definition = instance.Code.Definition;
        var reader = new InstructionReader(definition.Bytes.Span, expression.Offset, expression.Offset + expression.Length);
        if (reader.Next() && TryGetOperand(in reader, out ConstantValue value))
        {
            // Nearly always that is all.
            if (reader.Next() && reader.Opcode == Opcode.End)
            {
                return value;
            }

            Operands.Push(value);
        }

        while (reader.Opcode != Opcode.End)
        {
            Step(ref reader);
            if (!reader.Next())
            {
                break;
            }
        }

        return Operands.Pop();
    }

    /// <summary>The value of an instruction that takes no operands.</summary>
    private bool TryGetOperand(in InstructionReader reader, out ConstantValue value)
    {
        switch (reader.Opcode)
        {
            case Opcode.I32Const:
            case Opcode.I64Const:
                value = new ConstantValue(reader.Integer);
                return true;
            case Opcode.F32Const:
            case Opcode.F64Const:
                value = new ConstantValue((long)reader.Bits);
                return true;
            case Opcode.V128Const:
                value = ConstantValue.OfVector(reader.Vector);
                return true;
            case Opcode.RefNull:
                value = default;
                return true;
            case Opcode.RefFunc:
                value = new ConstantValue(0, instance.GetReference(reader.Index));
                return true;
            case Opcode.GlobalGet:
                value = globals[reader.Index];
                return true;
            default:
                value = default;
                return false;
        }
    }

    private void Push(object reference) => Operands.Push(new ConstantValue(0, reference));

    private ConstantValue[] Pop(int count)
    {
        var values = new ConstantValue[count];
        for (int i = count - 1; i >= 0; i--)
        {
            values[i] = Operands.Pop();
        }

        return values;
    }

    private void Step(ref InstructionReader reader)
    {
        if (TryGetOperand(in reader, out ConstantValue value))
        {
            Operands.Push(value);
            return;
        }

        switch (reader.Opcode)
        {
            case Opcode.RefI31:
                Operands.Push(new ConstantValue(0, I31.Create((int)Operands.Pop().Bits, instance)));
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
                object? descriptor = Operands.Pop().Reference;
                DefinedType describedType = instance.Types[reader.Index];
                ConstantValue[] fields = reader.Opcode == Opcode.StructNewDesc ? Pop(describedType.Fields.Length) : [];
                object described = HeapFactory.NewStruct(describedType, fields, instance.Heap);
                DescriptorInstructions.Set(described, descriptor);
                Push(described);
                break;
            case Opcode.ArrayNew:
                int length = (int)Operands.Pop().Bits;
                Push(HeapFactory.NewArray(instance.Types[reader.Index], Operands.Pop(), length, instance.Heap));
                break;
            case Opcode.ArrayNewDefault:
                Push(HeapFactory.NewArray(instance.Types[reader.Index], null, (int)Operands.Pop().Bits, instance.Heap));
                break;
            case Opcode.ArrayNewFixed:
                Push(HeapFactory.NewArray(instance.Types[reader.Index], Pop(reader.Index2), instance.Heap));
                break;
            default:
                long right = Operands.Pop().Bits;
                long left = Operands.Pop().Bits;
                Operands.Push(new ConstantValue(reader.Opcode switch
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
