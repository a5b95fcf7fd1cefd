using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Fuzz.Generation;

/// <summary>References, structs and arrays.</summary>
internal sealed partial class FunctionGenerator
{
    private Aggregate PickAggregate(bool isArray) => random.Pick([.. shape.Aggregates.Where(aggregate => aggregate.IsArray == isArray)]);

    private void ReferenceValue(EncodedType type, int depth)
    {
        if (depth <= 0 || code.Length > maximumSize)
        {
            int local = FindLocal(type);
            if (local >= 0 && random.OneIn(2))
            {
                Op(Opcode.LocalGet, local);
            }
            else
            {
                SimpleReference(type);
            }

            return;
        }

        switch (random.Next(10))
        {
            case 0 or 1:
                int local = FindLocal(type);
                if (local < 0)
                {
                    goto default;
                }

                Op(Opcode.LocalGet, local);
                break;
            case 2:
                int global = FindGlobal(type, toSet: false);
                if (global < 0)
                {
                    goto default;
                }

                Op(Opcode.GlobalGet, global);
                break;
            case 3:
                ReferenceValue(type, depth - 1);
                ReferenceValue(type, depth - 1);
                Value(Types.I32, depth - 1);
                SelectOp(type);
                break;
            case 4 when type.Code == EncodedType.Reference && shape.Options.HasGarbageCollection:
                NonNull(type, depth - 1);
                break;
            default:
                NewReference(type, depth);
                break;
        }
    }

    /// <summary>A value that may be null, made one that isn't.</summary>
    private void NonNull(EncodedType type, int depth)
    {
        EncodedType nullable = Types.Null(type.Heap);
        if (!IsCareful())
        {
            ReferenceValue(nullable, depth);
            Op(Opcode.RefAsNonNull);
            return;
        }

        Open(Opcode.Block, [], [type]);
        ReferenceValue(nullable, depth);
        Op(Opcode.BrOnNonNull, 0);
        SimpleReference(type);
        Close();
    }

    /// <summary>A null, or the cheapest object there is.</summary>
    private void SimpleReference(EncodedType type)
    {
        if (type.Code == EncodedType.NullableReference)
        {
            Op(Opcode.RefNull);
            code.Signed(!shape.Options.HasGarbageCollection || random.OneIn(2) ? type.Heap : Bottom(type.Heap));
            return;
        }

        NewReference(type, 0);
    }

    private int Bottom(int heap) => heap switch
    {
        Heaps.Extern or Heaps.NoExtern => Heaps.NoExtern,
        Heaps.Exn or Heaps.NoExn => Heaps.NoExn,
        Heaps.Func or Heaps.NoFunc => Heaps.NoFunc,
        _ => heap >= shape.FirstSignature ? Heaps.NoFunc : Heaps.None,
    };

    private void NewReference(EncodedType type, int depth)
    {
        int heap = type.Heap;
        switch (heap)
        {
            case Heaps.Func:
                Op(Opcode.RefFunc, random.Next(shape.Functions.Count));
                break;
            case Heaps.Extern:
                if (!shape.Options.HasGarbageCollection)
                {
                    Op(Opcode.RefNull);
                    code.Signed(heap);
                    break;
                }

                ReferenceValue(type with { Heap = Heaps.Any }, depth - 1);
                Op(Opcode.ExternConvertAny);
                break;
            case Heaps.Any when random.OneIn(6):
                ReferenceValue(type with { Heap = Heaps.Extern }, depth - 1);
                Op(Opcode.AnyConvertExtern);
                break;
            case Heaps.Any or Heaps.Eq when random.OneIn(2):
            case Heaps.I31:
                Value(Types.I32, depth - 1);
                Op(Opcode.RefI31);
                break;
            case Heaps.Any or Heaps.Eq:
                New(random.Pick(shape.Aggregates), depth - 1);
                break;
            case Heaps.Struct:
                New(PickAggregate(isArray: false), depth - 1);
                break;
            case Heaps.Array:
                New(PickAggregate(isArray: true), depth - 1);
                break;
            case >= 0 when heap < shape.FirstSignature:
                New(random.Pick([.. shape.Aggregates.Where(aggregate => shape.IsSubheap(aggregate.Index, heap))]), depth - 1);
                break;
            case >= 0:
                int function = shape.Functions.IndexOf(heap - shape.FirstSignature);
                if (function < 0 && type.Code == EncodedType.NullableReference)
                {
                    Op(Opcode.RefNull);
                    code.Signed(heap);
                    break;
                }

                Op(Opcode.RefFunc, Math.Max(0, function));
                break;
            default:
                Op(Opcode.RefNull);
                code.Signed(heap);
                break;
        }
    }

    private void New(Aggregate aggregate, int depth)
    {
        if (!aggregate.IsArray)
        {
            if (depth <= 0)
            {
                Op(Opcode.StructNewDefault, aggregate.Index);
                return;
            }

            Values(Array.ConvertAll(aggregate.Fields, field => field.Unpacked), depth);
            Op(Opcode.StructNew, aggregate.Index);
            return;
        }

        EncodedType element = aggregate.Fields[0].Unpacked;
        switch (depth <= 0 ? 2 : random.Next(3))
        {
            case 0:
                int count = random.Next(0, 6);
                for (int i = 0; i < count; i++)
                {
                    Value(element, depth - 1);
                }

                Op(Opcode.ArrayNewFixed, aggregate.Index, count);
                break;
            case 1:
                Value(element, depth);
                Length(depth);
                Op(Opcode.ArrayNew, aggregate.Index);
                break;
            default:
                Length(depth);
                Op(Opcode.ArrayNewDefault, aggregate.Index);
                break;
        }
    }

    /// <summary>The length of an array: mostly enough for the indices that are used.</summary>
    private void Length(int depth)
    {
        Value(Types.I32, depth);
        Int32(15);
        Op(Opcode.I32And);
        if (IsCareful())
        {
            Int32(16);
            Op(Opcode.I32Or);
        }
    }

    /// <summary>An object to look into: mostly a new one of enough length, or kept from being null and short by a test.</summary>
    private void Receiver(Aggregate aggregate, int depth)
    {
        if (!IsCareful())
        {
            ReferenceValue(Types.Null(aggregate.Index), depth);
        }
        else if (!aggregate.IsArray)
        {
            ReferenceValue(Types.NonNull(aggregate.Index), depth);
        }
        else
        {
            if (random.OneIn(2))
            {
                Length(depth);
                Op(Opcode.ArrayNewDefault, aggregate.Index);
            }
            else
            {
                Value(aggregate.Fields[0].Unpacked, depth);
                Length(depth);
                Op(Opcode.ArrayNew, aggregate.Index);
            }

            int local = FindLocal(Types.Null(aggregate.Index));
            if (local >= 0)
            {
                // Half of the time an older one, if it is long enough.
                int fresh = NewLocalOnce(Types.Null(aggregate.Index));
                Op(Opcode.LocalSet, fresh);
                Op(Opcode.LocalGet, local);
                Op(Opcode.LocalGet, fresh);
                Op(Opcode.LocalGet, local);
                Op(Opcode.RefIsNull);
                OpenIf([Types.I32]);
                Int32(0);
                Else();
                Op(Opcode.LocalGet, local);
                Op(Opcode.ArrayLen);
                Int32(15);
                Op(Opcode.I32GtU);
                Close();
                Op(Opcode.SelectTyped, 1);
                Types.Null(aggregate.Index).Write(code);
            }
        }
    }

    private void TryReference(Opcode opcode, int depth)
    {
        switch (opcode)
        {
            case Opcode.RefNull:
                EncodedType nullType = PickReference();
                Op(opcode);
                code.Signed(nullType.Heap);
                Keep(Types.Null(nullType.Heap));
                break;
            case Opcode.RefIsNull:
                ReferenceValue(Types.Null(PickReference().Heap), depth);
                Op(opcode);
                Keep(Types.I32);
                break;
            case Opcode.RefFunc:
                int function = random.Next(shape.Functions.Count);
                Op(opcode, function);
                Keep(Types.Func);
                break;
            case Opcode.RefEq:
                ReferenceValue(Types.Eq, depth);
                if (random.OneIn(2) && FindLocalFor(Types.Eq) is int shared and >= 0)
                {
                    Op(Opcode.LocalTee, shared);
                    if (locals[shared] == Types.Eq)
                    {
                        Op(Opcode.LocalGet, shared);
                    }
                    else
                    {
                        Op(Opcode.Drop);
                        ReferenceValue(Types.Eq, depth);
                        ReferenceValue(Types.Eq, depth);
                    }
                }
                else
                {
                    ReferenceValue(Types.Eq, depth);
                }

                Op(opcode);
                Keep(Types.I32);
                break;
            case Opcode.RefAsNonNull:
                EncodedType some = PickReference();
                ReferenceValue(IsCareful() && CanBeNew(some.Heap) ? Types.NonNull(some.Heap) : Types.Null(some.Heap), depth);
                Op(opcode);
                Keep(Types.NonNull(some.Heap));
                break;
            case Opcode.BrOnNull or Opcode.BrOnNonNull:
                TryBranchOnNull(opcode, depth);
                break;
            case Opcode.RefTest or Opcode.RefTestNullable or Opcode.RefCast or Opcode.RefCastNullable or Opcode.BrOnCast or Opcode.BrOnCastFail:
                TryCast(opcode, depth);
                break;
            case Opcode.AnyConvertExtern:
                ReferenceValue(Types.Extern, depth);
                Op(opcode);
                Keep(Types.Any);
                break;
            case Opcode.ExternConvertAny:
                ReferenceValue(Types.Any, depth);
                Op(opcode);
                Keep(Types.Extern);
                break;
            case Opcode.RefI31:
                Value(Types.I32, depth);
                Op(opcode);
                Keep(Types.NonNull(Heaps.I31));
                break;
            case Opcode.I31GetS or Opcode.I31GetU:
                ReferenceValue(IsCareful() ? Types.NonNull(Heaps.I31) : Types.Null(Heaps.I31), depth);
                Op(opcode);
                Keep(Types.I32);
                break;
            case Opcode.StructNew or Opcode.StructNewDefault or Opcode.StructGet or Opcode.StructGetS or Opcode.StructGetU or Opcode.StructSet:
                TryStruct(opcode, depth);
                break;
            default:
                TryArray(opcode, depth);
                break;
        }
    }

    private EncodedType PickReference()
    {
        EncodedType type;
        do
        {
            type = PickType();
        }
        while (!type.IsReference);
        return type;
    }

    /// <summary>Whether there are values of a heap type other than null.</summary>
    private bool CanBeNew(int heap) => heap != Heaps.Extern || shape.Options.HasGarbageCollection;

    private void TryBranchOnNull(Opcode opcode, int depth)
    {
        EncodedType nullable = Types.Null(PickReference().Heap);
        EncodedType nonNull = Types.NonNull(nullable.Heap);
        if (opcode == Opcode.BrOnNull)
        {
            Open(Opcode.Block, [], [Types.I32]);
            Value(Types.I32, depth);
            ReferenceValue(nullable, depth);
            Op(opcode, 0);
            Keep(nonNull);
            Keep(Types.I32);
            Value(Types.I32, depth);
            Close();
            Keep(Types.I32);
        }
        else if (CanBeNew(nullable.Heap))
        {
            Open(Opcode.Block, [], [Types.I64, nonNull]);
            Value(Types.I64, depth);
            ReferenceValue(nullable, depth);
            Op(opcode, 0);
            SimpleReference(nonNull);
            Close();
            Keep(nonNull);
            Keep(Types.I64);
        }
    }

    private void TryCast(Opcode opcode, int depth)
    {
        int heap = random.Pick([Heaps.Eq, Heaps.I31, Heaps.Struct, Heaps.Array, random.Pick(shape.Aggregates).Index, random.Pick(shape.Aggregates).Index]);
        int source = random.Pick([.. ((int[])[Heaps.Any, Heaps.Eq, Heaps.Struct, random.Pick(shape.Aggregates).Index]).Where(of => shape.IsSubheap(heap, of))]);
        bool isNullable = opcode is Opcode.RefTestNullable or Opcode.RefCastNullable || (opcode is Opcode.BrOnCast or Opcode.BrOnCastFail && random.OneIn(2));
        EncodedType target = isNullable ? Types.Null(heap) : Types.NonNull(heap);
        switch (opcode)
        {
            case Opcode.RefTest or Opcode.RefTestNullable:
                ReferenceValue(Types.Null(source), depth);
                Op(opcode);
                code.Signed(heap);
                Keep(Types.I32);
                break;
            case Opcode.RefCast or Opcode.RefCastNullable:
                ReferenceValue(IsCareful() ? target : Types.Null(source), depth);
                Op(opcode);
                code.Signed(heap);
                Keep(target);
                break;
            default:
                EncodedType from = Types.Null(source);

                // What is left when the cast fails has no null if the target takes it.
                EncodedType rest = isNullable ? Types.NonNull(source) : from;
                bool branches = opcode == Opcode.BrOnCast;
                Open(Opcode.Block, [], [branches ? target : rest]);
                ReferenceValue(from, depth);
                Op(opcode);
                code.Byte((byte)(1 | (isNullable ? 2 : 0)));
                code.Unsigned(0);
                code.Signed(source);
                code.Signed(heap);
                Keep(branches ? rest : target);
                SimpleReference(branches ? target : rest);
                Close();
                Keep(branches ? target : rest);
                break;
        }
    }

    private void TryStruct(Opcode opcode, int depth)
    {
        Aggregate type = PickAggregate(isArray: false);
        bool isPacked = opcode is Opcode.StructGetS or Opcode.StructGetU;
        int[] fields = [.. Enumerable.Range(0, type.Fields.Length).Where(i => opcode == Opcode.StructSet ? type.Fields[i].IsMutable : type.Fields[i].IsPacked == isPacked)];
        switch (opcode)
        {
            case Opcode.StructNew:
                Values(Array.ConvertAll(type.Fields, field => field.Unpacked), depth);
                Op(opcode, type.Index);
                Keep(Types.NonNull(type.Index));
                break;
            case Opcode.StructNewDefault:
                Op(opcode, type.Index);
                Keep(Types.NonNull(type.Index));
                break;
            case var _ when fields.Length == 0:
                break;
            case Opcode.StructSet:
                int to = random.Pick(fields);
                Receiver(type, depth);
                Value(type.Fields[to].Unpacked, depth);
                Op(opcode, type.Index, to);
                break;
            default:
                int from = random.Pick(fields);
                Receiver(type, depth);
                Op(opcode, type.Index, from);
                Keep(type.Fields[from].Unpacked);
                break;
        }
    }

    private void TryArray(Opcode opcode, int depth)
    {
        bool isPacked = opcode is Opcode.ArrayGetS or Opcode.ArrayGetU;
        bool ofData = opcode is Opcode.ArrayNewData or Opcode.ArrayInitData;
        bool ofElements = opcode is Opcode.ArrayNewElem or Opcode.ArrayInitElem;
        Aggregate? type = PickArray(array => ofData ? !array.Type.IsReference : ofElements ? array.Type == Types.Func : opcode != Opcode.ArrayGet && !isPacked || array.IsPacked == isPacked);
        if (type is null)
        {
            return;
        }

        EncodedType element = type.Fields[0].Unpacked;
        switch (opcode)
        {
            case Opcode.ArrayNew:
                Value(element, depth);
                Length(depth);
                Op(opcode, type.Index);
                Keep(Types.NonNull(type.Index));
                break;
            case Opcode.ArrayNewDefault:
                Length(depth);
                Op(opcode, type.Index);
                Keep(Types.NonNull(type.Index));
                break;
            case Opcode.ArrayNewFixed:
                int count = random.Next(0, 20);
                for (int i = 0; i < count; i++)
                {
                    Value(element, Math.Min(depth, 1));
                }

                Op(opcode, type.Index, count);
                Keep(Types.NonNull(type.Index));
                break;
            case Opcode.ArrayNewData:
                Bounded(Types.I32, 7, depth);
                Bounded(Types.I32, 1, depth);
                Op(opcode, type.Index, PickData());
                Keep(Types.NonNull(type.Index));
                break;
            case Opcode.ArrayNewElem:
                Bounded(Types.I32, 1, depth);
                Bounded(Types.I32, 1, depth);
                Op(opcode, type.Index, PickSegment(element, IsCareful()));
                Keep(Types.NonNull(type.Index));
                break;
            case Opcode.ArrayGet or Opcode.ArrayGetS or Opcode.ArrayGetU:
                Receiver(type, depth);
                Bounded(Types.I32, 15, depth);
                Op(opcode, type.Index);
                Keep(element);
                break;
            case Opcode.ArraySet:
                Receiver(type, depth);
                Bounded(Types.I32, 15, depth);
                Value(element, depth);
                Op(opcode, type.Index);
                break;
            case Opcode.ArrayLen:
                Receiver(type, depth);
                Op(opcode);
                Keep(Types.I32);
                break;
            case Opcode.ArrayFill:
                Receiver(type, depth);
                Bounded(Types.I32, 7, depth);
                Value(element, depth);
                Bounded(Types.I32, 7, depth);
                Op(opcode, type.Index);
                break;
            case Opcode.ArrayCopy:
                Receiver(type, depth);
                Bounded(Types.I32, 7, depth);
                Receiver(type, depth);
                Bounded(Types.I32, 7, depth);
                Bounded(Types.I32, 7, depth);
                Op(opcode, type.Index, type.Index);
                break;
            case Opcode.ArrayInitData:
                Receiver(type, depth);
                Bounded(Types.I32, 7, depth);
                Bounded(Types.I32, 7, depth);
                Bounded(Types.I32, 1, depth);
                Op(opcode, type.Index, PickData());
                break;
            case Opcode.ArrayInitElem:
                Receiver(type, depth);
                Bounded(Types.I32, 7, depth);
                Bounded(Types.I32, 1, depth);
                Bounded(Types.I32, 1, depth);
                Op(opcode, type.Index, PickSegment(element, IsCareful()));
                break;
            default:
                throw new NotSupportedException($"no way to try {opcode}");
        }
    }

    private Aggregate? PickArray(Func<Field, bool> filter)
    {
        Aggregate[] arrays = [.. shape.Aggregates.Where(aggregate => aggregate.IsArray && filter(aggregate.Fields[0]))];
        return arrays.Length == 0 ? null : random.Pick(arrays);
    }
}
