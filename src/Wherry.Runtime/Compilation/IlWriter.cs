using System.Reflection;
using System.Reflection.Emit;
using Wherry.Compilation.Outlining;

namespace Wherry.Compilation;

/// <summary>
/// Writes IL in its shortest form. Without a generator it only measures: for a trial run, or to find which instruction an IL offset
/// belongs to.
/// </summary>
/// <param name="tokens">Spares looking up fields, where the module has them.</param>
internal sealed class IlWriter(ILGenerator? generator, FieldTokens? tokens = null)
{
    private const int MaximumLocals = 65_000;

    private readonly List<Label> _labels = [];
    private int _labelCount;

    private int _instructions;
    private int _references;
    private int _blocks;

    /// <summary>The bytes written.</summary>
    public int Size { get; private set; }

    /// <summary>What was written, in the JIT's measures.</summary>
    public CodeSize CodeSize => new(Size, _instructions, _references, _blocks);

    public int LocalCount { get; private set; }

    /// <summary>Whether code is written, rather than only measured.</summary>
    public bool IsWriting => generator is not null;

    public int DeclareLocal(Type type)
    {
        if (LocalCount == MaximumLocals)
        {
            throw new FunctionTooLargeException($"it needs more than {MaximumLocals} local variables");
        }

        generator?.DeclareLocal(type);
        return LocalCount++;
    }

    public int DefineLabel()
    {
        if (generator is not null)
        {
            _labels.Add(generator.DefineLabel());
        }

        return _labelCount++;
    }

    public void MarkLabel(int label)
    {
        _blocks++;
        generator?.MarkLabel(_labels[label]);
    }

    public void Emit(OpCode code)
    {
        Count(code.Size);
        generator?.Emit(code);
    }

    public void Int32(int value)
    {
        switch (value)
        {
            case >= -1 and <= 8:
                Emit(value switch
                {
                    -1 => OpCodes.Ldc_I4_M1,
                    0 => OpCodes.Ldc_I4_0,
                    1 => OpCodes.Ldc_I4_1,
                    2 => OpCodes.Ldc_I4_2,
                    3 => OpCodes.Ldc_I4_3,
                    4 => OpCodes.Ldc_I4_4,
                    5 => OpCodes.Ldc_I4_5,
                    6 => OpCodes.Ldc_I4_6,
                    7 => OpCodes.Ldc_I4_7,
                    _ => OpCodes.Ldc_I4_8,
                });
                break;
            case >= sbyte.MinValue and <= sbyte.MaxValue:
                Count(2);
                generator?.Emit(OpCodes.Ldc_I4_S, (sbyte)value);
                break;
            default:
                Count(5);
                generator?.Emit(OpCodes.Ldc_I4, value);
                break;
        }
    }

    public void Int64(long value)
    {
        if (value == (int)value)
        {
            Int32((int)value);
            Emit(OpCodes.Conv_I8);
        }
        else if (value == (uint)value)
        {
            Int32((int)value);
            Emit(OpCodes.Conv_U8);
        }
        else
        {
            Count(9);
            generator?.Emit(OpCodes.Ldc_I8, value);
        }
    }

    public void Single(float value)
    {
        Count(5);
        generator?.Emit(OpCodes.Ldc_R4, value);
    }

    public void Double(double value)
    {
        Count(9);
        generator?.Emit(OpCodes.Ldc_R8, value);
    }

    public void Text(string value)
    {
        Count(5);
        generator?.Emit(OpCodes.Ldstr, value);
    }

    public void LoadLocal(int index) => Variable(index, OpCodes.Ldloc_0, OpCodes.Ldloc_1, OpCodes.Ldloc_2, OpCodes.Ldloc_3, OpCodes.Ldloc_S, OpCodes.Ldloc);

    public void StoreLocal(int index) => Variable(index, OpCodes.Stloc_0, OpCodes.Stloc_1, OpCodes.Stloc_2, OpCodes.Stloc_3, OpCodes.Stloc_S, OpCodes.Stloc);

    public void LoadLocalAddress(int index) => Variable(index, OpCodes.Ldloca_S, OpCodes.Ldloca);

    public void LoadArgument(int index) => Variable(index, OpCodes.Ldarg_0, OpCodes.Ldarg_1, OpCodes.Ldarg_2, OpCodes.Ldarg_3, OpCodes.Ldarg_S, OpCodes.Ldarg);

    public void StoreArgument(int index) => Variable(index, OpCodes.Starg_S, OpCodes.Starg);

    /// <param name="code">The long form of a branch.</param>
    public void Branch(OpCode code, int label)
    {
        _blocks++;
        Count(code.Size + 4);
        generator?.Emit(code, _labels[label]);
    }

    public void Switch(int[] labels)
    {
        _blocks++;
        Count(5 + (4 * labels.Length));
        generator?.Emit(OpCodes.Switch, Array.ConvertAll(labels, label => _labels[label]));
    }

    /// <param name="method">May be null where nothing is generated.</param>
    public void Call(MethodInfo? method)
    {
        Count(5);
        generator?.Emit(OpCodes.Call, method!);
    }

    public void CallIndirect(Type result, Type[] parameters)
    {
        Count(5);
        generator?.EmitCalli(OpCodes.Calli, CallingConventions.Standard, result, parameters, null);
    }

    public void NewObject(ConstructorInfo constructor)
    {
        Count(5);
        generator?.Emit(OpCodes.Newobj, constructor);
    }

    public void LoadField(FieldInfo field)
    {
        Field(OpCodes.Ldfld, field);
    }

    public void LoadFieldAddress(FieldInfo field)
    {
        Field(OpCodes.Ldflda, field);
    }

    public void StoreField(FieldInfo field)
    {
        Field(OpCodes.Stfld, field);
    }

    /// <summary>Before an access that need not be aligned to more than so many bytes.</summary>
    public void Unaligned(byte alignment)
    {
        Count(OpCodes.Unaligned.Size + 1);
        generator?.Emit(OpCodes.Unaligned, alignment);
    }

    /// <summary>For ldobj, stobj and the like.</summary>
    public void OfType(OpCode code, Type type)
    {
        Count(code.Size + 4);
        generator?.Emit(code, type);
    }

    public void BeginTry() => generator?.BeginExceptionBlock();

    /// <summary>Ends the protected code (the generator writes a leave) and starts the filter of its handler.</summary>
    public void BeginFilter()
    {
        Count(5);
        generator?.BeginExceptFilterBlock();
    }

    /// <summary>Ends the filter (the generator writes endfilter) and starts the handler.</summary>
    public void BeginCatch()
    {
        Count(2);
        generator?.BeginCatchBlock(null);
    }

    /// <summary>Ends the handler (the generator writes a leave).</summary>
    public void EndTry()
    {
        Count(5);
        generator?.EndExceptionBlock();
    }

    private void Field(OpCode code, FieldInfo field)
    {
        Count(5);
        if (tokens is null)
        {
            generator?.Emit(code, field);
        }
        else
        {
            generator?.Emit(code, tokens.Get(field));
        }
    }

    private void Count(int bytes)
    {
        Size += bytes;
        _instructions++;
    }

    private void Variable(int index, OpCode zero, OpCode one, OpCode two, OpCode three, OpCode small, OpCode large)
    {
        _references++;
        switch (index)
        {
            case 0:
                Emit(zero);
                break;
            case 1:
                Emit(one);
                break;
            case 2:
                Emit(two);
                break;
            case 3:
                Emit(three);
                break;
            default:
                VariableByNumber(index, small, large);
                break;
        }
    }

    private void Variable(int index, OpCode small, OpCode large)
    {
        _references++;
        VariableByNumber(index, small, large);
    }

    private void VariableByNumber(int index, OpCode small, OpCode large)
    {
        if (index <= byte.MaxValue)
        {
            Count(small.Size + 1);
            generator?.Emit(small, (byte)index);
        }
        else
        {
            Count(large.Size + 2);
            generator?.Emit(large, (short)index);
        }
    }
}
