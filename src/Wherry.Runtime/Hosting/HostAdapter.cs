using System.Reflection;
using System.Reflection.Emit;
using Wherry.Compilation;

namespace Wherry.Hosting;

/// <summary>
/// What compiled code calls to reach a host function. For methods that Wherry.Generators knows it was compiled with them; else it is emitted, the method for delegates of one type: <c>R Adapter(arguments…, object target)</c>. It unwraps the target, adds
/// caller and token, calls the delegate, waits for a task, and puts the results into the form that compiled code has. Nothing is boxed.
/// </summary>
internal sealed class HostAdapter
{
    private static readonly FieldInfo s_callee = typeof(HostFunction).GetField(nameof(HostFunction.Callee))!;
    private static readonly MethodInfo s_caller = typeof(HostFunction).GetProperty(nameof(HostFunction.Caller))!.GetMethod!;
    private static readonly MethodInfo s_token = typeof(HostFunction).GetProperty(nameof(HostFunction.InterruptionToken))!.GetMethod!;
    private static readonly MethodInfo s_checkResult = typeof(HostFunction).GetMethod(nameof(HostFunction.CheckResult))!;
    private static readonly MethodInfo s_wait = typeof(HostFunction).GetMethod(nameof(HostFunction.Wait))!;
    private static readonly MethodInfo s_waitForResult = typeof(HostFunction).GetMethod(nameof(HostFunction.WaitForResult))!;

    private static readonly MethodInfo s_trySuspend = typeof(HostFunction).GetMethod(nameof(HostFunction.TrySuspend))!;
    private static readonly MethodInfo s_trySuspendForResult = typeof(HostFunction).GetMethod(nameof(HostFunction.TrySuspendForResult))!;
    private static readonly MethodInfo s_resume = typeof(HostFunction).GetMethod(nameof(HostFunction.Resume))!;
    private static readonly MethodInfo s_resumeForResult = typeof(HostFunction).GetMethod(nameof(HostFunction.ResumeForResult))!;

    // Keeps the code, if it was emitted.
    private readonly MethodInfo? _method;

    /// <summary>An adapter that was not emitted.</summary>
    /// <param name="code">What compiled code calls.</param>
    /// <param name="resumeCode">What takes its place once a task is completed; 0 if there are no tasks.</param>
    public HostAdapter(nint code, nint resumeCode)
    {
        Code = code;
        ResumeCode = resumeCode;
        IsAsynchronous = resumeCode != 0;
    }

    private HostAdapter(MethodInfo method, MethodInfo? resume)
    {
        _method = method;
        IsAsynchronous = resume is not null;
        Code = method.MethodHandle.GetFunctionPointer();
        ResumeCode = resume?.MethodHandle.GetFunctionPointer() ?? 0;
    }

    /// <summary>Whether its delegates return tasks.</summary>
    public bool IsAsynchronous { get; }

    /// <summary>What takes the place of the call, with nothing but the target, once the task is completed for which the guest was left.</summary>
    public nint ResumeCode { get; }

    /// <summary>Valid as long as this object lives.</summary>
    public nint Code { get; }

    /// <param name="checksResults">Which results may not be given to the guest unseen.</param>
    public static HostAdapter Emit(HostSignature signature, FunctionType type, bool[] checksResults)
    {
        lock (AdapterAssembly.Gate)
        {
            TypeBuilder owner = AdapterAssembly.DefineType(signature.Invoke.DeclaringType!);
            Type resultType = ClrTypes.OfResults(type.Results);
            MethodBuilder method = owner.DefineMethod(
                "CallHost", MethodAttributes.Public | MethodAttributes.Static, resultType, ClrTypes.OfParameters(type, typeof(object)));
            EmitBody(method.GetILGenerator(), signature, resultType, checksResults);
            if (signature.IsAsynchronous)
            {
                MethodBuilder resume = owner.DefineMethod("ResumeHost", MethodAttributes.Public | MethodAttributes.Static, resultType, [typeof(object)]);
                EmitResume(resume.GetILGenerator(), signature, resultType, checksResults);
            }

            Type created = owner.CreateType();
            return new HostAdapter(created.GetMethod("CallHost")!, created.GetMethod("ResumeHost"));
        }
    }

    public override string ToString() => _method?.ToString() ?? "";

    private static void EmitBody(ILGenerator generator, HostSignature signature, Type resultType, bool[] checksResults)
    {
        short target = (short)signature.Parameters.Length;
        generator.Emit(OpCodes.Ldarg, target);
        generator.Emit(OpCodes.Ldfld, s_callee);
        if (signature.TakesCaller)
        {
            generator.Emit(OpCodes.Ldarg, target);
            generator.Emit(OpCodes.Call, s_caller);
        }

        for (int i = 0; i < signature.Parameters.Length; i++)
        {
            generator.Emit(OpCodes.Ldarg, (short)i);
            ValueConversion.EmitToHost(generator, signature.Parameters[i]);
        }

        if (signature.TakesToken)
        {
            generator.Emit(OpCodes.Ldarg, target);
            generator.Emit(OpCodes.Call, s_token);
        }

        generator.Emit(OpCodes.Callvirt, signature.Invoke);
        if (signature.IsAsynchronous)
        {
            EmitWait(generator, signature, resultType, target);
        }

        EmitResult(generator, signature, resultType, target, checksResults);
        generator.Emit(OpCodes.Ret);
    }

    /// <summary>Waits for the task, or leaves the guest: then what is returned is not looked at.</summary>
    private static void EmitWait(ILGenerator generator, HostSignature signature, Type resultType, short target)
    {
        bool hasResult = signature.ResultType != typeof(void);
        Type taskType = signature.Invoke.ReturnType;
        LocalBuilder task = generator.DeclareLocal(taskType);
        Label waits = generator.DefineLabel();
        Label isDone = generator.DefineLabel();
        Label isPending = generator.DefineLabel();
        generator.Emit(OpCodes.Stloc, task);
        if (hasResult)
        {
            // Most are completed: that is looked at here, without a call.
            generator.Emit(OpCodes.Ldloca, task);
            generator.Emit(OpCodes.Call, taskType.GetProperty(nameof(ValueTask<>.IsCompletedSuccessfully))!.GetMethod!);
            generator.Emit(OpCodes.Brfalse, isPending);
            generator.Emit(OpCodes.Ldloca, task);
            generator.Emit(OpCodes.Call, taskType.GetProperty(nameof(ValueTask<>.Result))!.GetMethod!);
            generator.Emit(OpCodes.Br, isDone);
            generator.MarkLabel(isPending);
        }

        generator.Emit(OpCodes.Ldarg, target);
        generator.Emit(OpCodes.Ldloc, task);
        generator.Emit(OpCodes.Call, hasResult ? s_trySuspendForResult.MakeGenericMethod(signature.ResultType) : s_trySuspend);
        generator.Emit(OpCodes.Brfalse, waits);
        if (resultType != typeof(void))
        {
            generator.Emit(OpCodes.Ldloc, generator.DeclareLocal(resultType));
        }

        generator.Emit(OpCodes.Ret);
        generator.MarkLabel(waits);
        generator.Emit(OpCodes.Ldloc, task);
        generator.Emit(OpCodes.Call, hasResult ? s_waitForResult.MakeGenericMethod(signature.ResultType) : s_wait);
        generator.MarkLabel(isDone);
    }

    private static void EmitResume(ILGenerator generator, HostSignature signature, Type resultType, bool[] checksResults)
    {
        generator.Emit(OpCodes.Ldarg_0);
        generator.Emit(OpCodes.Call, signature.ResultType == typeof(void) ? s_resume : s_resumeForResult.MakeGenericMethod(signature.ResultType));
        EmitResult(generator, signature, resultType, target: 0, checksResults);
        generator.Emit(OpCodes.Ret);
    }

    private static void EmitResult(ILGenerator generator, HostSignature signature, Type resultType, short target, bool[] checksResults)
    {
        bool isChecked = Array.IndexOf(checksResults, true) >= 0;
        if (!isChecked && (signature.ResultType == resultType || signature.Results.Length < 2))
        {
            return;
        }

        LocalBuilder result = generator.DeclareLocal(signature.ResultType);
        generator.Emit(OpCodes.Stloc, result);
        if (signature.Results.Length == 1)
        {
            LoadElement(0);
        }
        else
        {
            TupleTypes.EmitCreate(generator, resultType, LoadElement);
        }

        void LoadElement(int index)
        {
            if (checksResults[index])
            {
                generator.Emit(OpCodes.Ldarg, target);
            }

            if (signature.Results.Length == 1)
            {
                generator.Emit(OpCodes.Ldloc, result);
            }
            else
            {
                generator.Emit(OpCodes.Ldloca, result);
                TupleTypes.EmitLoadElement(generator, signature.ResultType, index);
            }

            if (checksResults[index])
            {
                generator.Emit(OpCodes.Ldc_I4, index);
                generator.Emit(OpCodes.Call, s_checkResult);
            }
        }
    }
}
