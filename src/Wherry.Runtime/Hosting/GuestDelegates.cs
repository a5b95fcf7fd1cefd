using System.Collections.Concurrent;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Text;
using Wherry.Compilation;
using Wherry.Execution;

namespace Wherry.Hosting;

/// <summary>Calls a guest's function with boxed values.</summary>
internal delegate void BoxedCall(object?[] arguments, object?[] results);

/// <summary>
/// Makes delegates that enter guests. For each pair of a delegate type and a signature a small method is emitted once, which enters the store, calls
/// the compiled code, and translates what it throws; a delegate is that method, closed over a <see cref="GuestEntry"/>.
/// </summary>
internal static class GuestDelegates
{
    private const string MethodName = "EnterGuest";
    private const string FactoryName = "Create";

    // Delegate types may be of collectible assemblies: the table doesn't keep them.
    private static readonly ConditionalWeakTable<Type, ConcurrentDictionary<string, Func<GuestEntry, Delegate>>> s_factories = [];

    private static readonly MethodInfo s_tryEnter = Method(nameof(GuestEntry.TryEnter));
    private static readonly MethodInfo s_enterUnbiased = Method(nameof(GuestEntry.EnterUnbiased));
    private static readonly MethodInfo s_exit = Method(nameof(GuestEntry.Exit));
    private static readonly MethodInfo s_translate = Method(nameof(GuestEntry.Translate));
    private static readonly MethodInfo s_complete = Method(nameof(GuestEntry.Complete));
    private static readonly MethodInfo s_checkParameter = Method(nameof(GuestEntry.CheckParameter));
    private static readonly MethodInfo s_convertParameter = Method(nameof(GuestEntry.ConvertParameter));
    private static readonly FieldInfo s_code = typeof(GuestEntry).GetField(nameof(GuestEntry.Code))!;
    private static readonly FieldInfo s_target = typeof(GuestEntry).GetField(nameof(GuestEntry.Target))!;

    /// <exception cref="ArgumentException">The signatures differ.</exception>
    public static Delegate Create(Function function, Type delegateType)
    {
        Function resolved = UnresolvedFunction.Resolve(function);
        if (resolved is not { Target: GuestInstance guest, Index: >= 0 })
        {
            return GetFactory(resolved.Type, delegateType)(new GuestEntry(resolved));
        }

        Func<GuestEntry, Delegate>? factory = guest.Code.EntryFactories.Find(delegateType, resolved.Index);
        if (factory is null)
        {
            factory = GetFactory(resolved.Type, delegateType);
            guest.Code.EntryFactories.Add(delegateType, resolved.Index, factory);
        }

        return factory(new GuestEntry(resolved));
    }

    public static BoxedCall CreateBoxed(Function function)
    {
        if (function.Type.Parameters.Length == 0 && function.Type.Results.Length == 0)
        {
            // Most programs are entered by _start alone: it needs nothing that is emitted.
            return new GuestEntry(UnresolvedFunction.Resolve(function)).Call;
        }

        return CreateEmittedBoxed(function);
    }

    private static BoxedCall CreateEmittedBoxed(Function function)
    {
        ConcurrentDictionary<string, Func<GuestEntry, Delegate>> factories = GetFactories(typeof(BoxedCall));
        Func<GuestEntry, Delegate> factory = factories.GetOrAdd(GetKey(function.Type), static (_, type) => Emit(() => EmitBoxed(type)), function.Type);
        return (BoxedCall)factory(new GuestEntry(UnresolvedFunction.Resolve(function)));
    }

    private static Func<GuestEntry, Delegate> GetFactory(FunctionType type, Type delegateType)
    {
        MethodInfo? invoke = delegateType.GetMethod("Invoke");
        if (invoke is null || delegateType.IsAbstract)
        {
            throw new ArgumentException($"{delegateType.Name} is not a delegate type with a signature.", nameof(delegateType));
        }

        return Fits(type, invoke) ? GetFactories(delegateType).GetOrAdd(GetKey(type), static (_, state) => Emit(() => EmitTyped(state.type, state.invoke)), (type, invoke))
            : throw new ArgumentException(
                $"The guest's function has the signature {type}, which is {SignatureText.Describe(type)} in .NET, not {SignatureText.Describe(invoke)}.", nameof(delegateType));
    }

    private static ConcurrentDictionary<string, Func<GuestEntry, Delegate>> GetFactories(Type delegateType) =>
        s_factories.GetValue(delegateType, static _ => new ConcurrentDictionary<string, Func<GuestEntry, Delegate>>());

    private static bool Fits(FunctionType type, MethodInfo invoke)
    {
        ParameterInfo[] parameters = invoke.GetParameters();
        Type[] results = TupleTypes.GetResults(invoke.ReturnType);
        if (parameters.Length != type.Parameters.Length || results.Length != type.Results.Length)
        {
            return false;
        }

        for (int i = 0; i < parameters.Length; i++)
        {
            if (!ValueConversion.Fits(parameters[i].ParameterType, type.Parameters[i]))
            {
                return false;
            }
        }

        for (int i = 0; i < results.Length; i++)
        {
            if (!ValueConversion.Fits(results[i], type.Results[i]))
            {
                return false;
            }
        }

        return true;
    }

    // All that an adapter depends on, besides the delegate type.
    private static string GetKey(FunctionType type)
    {
        var key = new StringBuilder();
        foreach (WasmValueType parameter in type.Parameters)
        {
            AddKey(key, parameter);
        }

        _ = key.Append('>');
        foreach (WasmValueType result in type.Results)
        {
            AddKey(key, result);
        }

        return key.ToString();
    }

    private static void AddKey(StringBuilder key, WasmValueType type)
    {
        _ = key.Append((char)('a' + (int)type.Kind));
        if (type.IsReference)
        {
            _ = key.Append((char)('a' + (int)type.HeapType.Kind)).Append(type.IsNullable ? '?' : '!');
        }
    }

    private static Func<GuestEntry, Delegate> Emit(Func<Func<GuestEntry, Delegate>> emit)
    {
        lock (AdapterAssembly.Gate)
        {
            return emit();
        }
    }

    private static Func<GuestEntry, Delegate> EmitTyped(FunctionType type, MethodInfo invoke)
    {
        Type[] parameters = [.. invoke.GetParameters().Select(parameter => parameter.ParameterType)];
        TypeBuilder owner = AdapterAssembly.DefineType(invoke.DeclaringType!);
        MethodBuilder method = owner.DefineMethod(
            MethodName, MethodAttributes.Public | MethodAttributes.Static, invoke.ReturnType, [typeof(GuestEntry), .. parameters]);
        method.InitLocals = false;
        ILGenerator generator = method.GetILGenerator();
        LocalBuilder? result = EmitCall(generator, type, index => LoadArgument(generator, type, index));
        EmitResult(generator, type, invoke.ReturnType, result);
        generator.Emit(OpCodes.Ret);
        return CreateFactory(owner, method, invoke.DeclaringType!);
    }

    private static Func<GuestEntry, Delegate> EmitBoxed(FunctionType type)
    {
        TypeBuilder owner = AdapterAssembly.DefineType(typeof(BoxedCall));
        MethodBuilder method = owner.DefineMethod(
            MethodName, MethodAttributes.Public | MethodAttributes.Static, typeof(void), [typeof(GuestEntry), typeof(object[]), typeof(object[])]);
        method.InitLocals = false;
        ILGenerator generator = method.GetILGenerator();
        LocalBuilder? result = EmitCall(generator, type, index =>
        {
            generator.Emit(OpCodes.Ldarg_0);
            generator.Emit(OpCodes.Ldarg_1);
            generator.Emit(OpCodes.Ldc_I4, index);
            generator.Emit(OpCodes.Call, s_convertParameter);
            if (!type.Parameters[index].IsReference)
            {
                generator.Emit(OpCodes.Unbox_Any, ClrTypes.Of(type.Parameters[index].Kind));
            }
        });

        for (int i = 0; i < type.Results.Length; i++)
        {
            generator.Emit(OpCodes.Ldarg_2);
            generator.Emit(OpCodes.Ldc_I4, i);
            LoadResult(generator, type, result!, i);
            if (!type.Results[i].IsReference)
            {
                generator.Emit(OpCodes.Box, ClrTypes.Of(type.Results[i].Kind));
            }

            generator.Emit(OpCodes.Stelem_Ref);
        }

        generator.Emit(OpCodes.Ret);
        return CreateFactory(owner, method, typeof(BoxedCall));
    }

    // Reflection takes far longer to make a delegate than code that does it.
    private static Func<GuestEntry, Delegate> CreateFactory(TypeBuilder owner, MethodBuilder adapter, Type delegateType)
    {
        MethodBuilder method = owner.DefineMethod(FactoryName, MethodAttributes.Public | MethodAttributes.Static, typeof(Delegate), [typeof(GuestEntry)]);
        ILGenerator generator = method.GetILGenerator();
        generator.Emit(OpCodes.Ldarg_0);
        generator.Emit(OpCodes.Ldftn, adapter);
        generator.Emit(OpCodes.Newobj, delegateType.GetConstructors()[0]);
        generator.Emit(OpCodes.Ret);
        return owner.CreateType().GetMethod(FactoryName)!.CreateDelegate<Func<GuestEntry, Delegate>>();
    }

    private static LocalBuilder? EmitCall(ILGenerator generator, FunctionType type, Action<int> loadArgument)
    {
        // Arguments first: a wrong one must not look like the guest's doing.
        Type[] parameters = ClrTypes.OfParameters(type, typeof(object));
        var arguments = new LocalBuilder[type.Parameters.Length];
        for (int i = 0; i < arguments.Length; i++)
        {
            arguments[i] = generator.DeclareLocal(parameters[i]);
            loadArgument(i);
            generator.Emit(OpCodes.Stloc, arguments[i]);
        }

        Type resultType = ClrTypes.OfResults(type.Results);
        LocalBuilder? result = resultType == typeof(void) ? null : generator.DeclareLocal(resultType);
        LocalBuilder bias = generator.DeclareLocal(typeof(EntryBias));
        LocalBuilder entered = generator.DeclareLocal(typeof(Entered));
        Label isUnbiased = generator.DefineLabel();
        Label isEntered = generator.DefineLabel();
        Label isTrapped = generator.DefineLabel();
        Label isDone = generator.DefineLabel();
        generator.Emit(OpCodes.Ldarg_0);
        generator.Emit(OpCodes.Ldloca, bias);
        generator.Emit(OpCodes.Ldloca, entered);
        generator.Emit(OpCodes.Call, s_tryEnter);
        generator.Emit(OpCodes.Brfalse, isUnbiased);
        generator.MarkLabel(isEntered);
        _ = generator.BeginExceptionBlock();
        _ = generator.BeginExceptionBlock();
        foreach (LocalBuilder argument in arguments)
        {
            generator.Emit(OpCodes.Ldloc, argument);
        }

        generator.Emit(OpCodes.Ldarg_0);
        generator.Emit(OpCodes.Ldfld, s_target);
        generator.Emit(OpCodes.Ldarg_0);
        generator.Emit(OpCodes.Ldfld, s_code);
        generator.EmitCalli(OpCodes.Calli, CallingConventions.Standard, resultType, parameters, null);
        if (result is not null)
        {
            generator.Emit(OpCodes.Stloc, result);
        }

        // A filter, and the trap thrown outside of all blocks: the stack below a catch block stays until the block ends, so that traps thrown from
        // nested ones would use it up where guest and host call each other deeply.
        LocalBuilder trap = generator.DeclareLocal(typeof(Exception));
        LocalBuilder exception = generator.DeclareLocal(typeof(Exception));
        generator.BeginExceptFilterBlock();
        generator.Emit(OpCodes.Castclass, typeof(Exception));
        generator.Emit(OpCodes.Stloc, exception);
        generator.Emit(OpCodes.Ldarg_0);
        generator.Emit(OpCodes.Ldloc, exception);
        generator.Emit(OpCodes.Call, s_translate);
        generator.Emit(OpCodes.Stloc, trap);
        generator.Emit(OpCodes.Ldloc, trap);
        generator.Emit(OpCodes.Ldnull);
        generator.Emit(OpCodes.Cgt_Un);
        generator.BeginCatchBlock(null!);
        generator.Emit(OpCodes.Pop);
        generator.Emit(OpCodes.Leave, isTrapped);
        generator.EndExceptionBlock();

        // Only for exceptions that pass unchanged: the JIT would call a finally block as a subroutine in any case.
        generator.BeginFaultBlock();
        EmitExit(generator, bias, entered);
        generator.EndExceptionBlock();
        EmitExit(generator, bias, entered);
        generator.Emit(OpCodes.Br, isDone);
        generator.MarkLabel(isTrapped);
        EmitExit(generator, bias, entered);
        generator.Emit(OpCodes.Ldarg_0);
        generator.Emit(OpCodes.Ldloc, trap);
        generator.Emit(OpCodes.Call, s_complete);
        generator.Emit(OpCodes.Throw);

        // Behind all, since the JIT leaves code where it is written.
        generator.MarkLabel(isUnbiased);
        generator.Emit(OpCodes.Ldarg_0);
        generator.Emit(OpCodes.Call, s_enterUnbiased);
        generator.Emit(OpCodes.Br, isEntered);
        generator.MarkLabel(isDone);
        return result;
    }

    private static void EmitExit(ILGenerator generator, LocalBuilder bias, LocalBuilder entered)
    {
        generator.Emit(OpCodes.Ldarg_0);
        generator.Emit(OpCodes.Ldloc, bias);
        generator.Emit(OpCodes.Ldloc, entered);
        generator.Emit(OpCodes.Call, s_exit);
    }

    private static void LoadArgument(ILGenerator generator, FunctionType type, int index)
    {
        if (ValueConversion.AcceptsAnything(type.Parameters[index]))
        {
            generator.Emit(OpCodes.Ldarg, (short)(index + 1));
            return;
        }

        generator.Emit(OpCodes.Ldarg_0);
        generator.Emit(OpCodes.Ldarg, (short)(index + 1));
        generator.Emit(OpCodes.Ldc_I4, index);
        generator.Emit(OpCodes.Call, s_checkParameter);
    }

    private static void EmitResult(ILGenerator generator, FunctionType type, Type returnType, LocalBuilder? result)
    {
        if (result is null)
        {
            return;
        }

        if (result.LocalType == returnType)
        {
            generator.Emit(OpCodes.Ldloc, result);
            return;
        }

        // Differs in signs or in the types of references.
        if (type.Results.Length == 1)
        {
            generator.Emit(OpCodes.Ldloc, result);
            ValueConversion.EmitToHost(generator, returnType);
            return;
        }

        Type[] elements = TupleTypes.GetElements(returnType)!;
        TupleTypes.EmitCreate(generator, returnType, index =>
        {
            LoadResult(generator, type, result, index);
            ValueConversion.EmitToHost(generator, elements[index]);
        });
    }

    private static void LoadResult(ILGenerator generator, FunctionType type, LocalBuilder result, int index)
    {
        if (type.Results.Length == 1)
        {
            generator.Emit(OpCodes.Ldloc, result);
            return;
        }

        generator.Emit(OpCodes.Ldloca, result);
        TupleTypes.EmitLoadElement(generator, result.LocalType, index);
    }

    private static MethodInfo Method(string name) => typeof(GuestEntry).GetMethod(name)!;
}
