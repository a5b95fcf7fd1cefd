using System.Reflection;
using System.Reflection.Emit;
using Wherry.Compilation;

namespace Wherry.Hosting;

/// <summary>
/// The method that compiled code calls to reach delegates of one type: <c>R Adapter(arguments…, object target)</c>. It unwraps the target, adds
/// caller and token, calls the delegate, waits for a task, and puts the results into the form that compiled code has. Nothing is boxed.
/// </summary>
internal sealed class HostAdapter
{
    private static readonly FieldInfo s_delegate = typeof(HostFunction).GetField(nameof(HostFunction.Delegate))!;
    private static readonly MethodInfo s_caller = typeof(HostFunction).GetProperty(nameof(HostFunction.Caller))!.GetMethod!;
    private static readonly MethodInfo s_token = typeof(HostFunction).GetProperty(nameof(HostFunction.InterruptionToken))!.GetMethod!;
    private static readonly MethodInfo s_checkResult = typeof(HostFunction).GetMethod(nameof(HostFunction.CheckResult))!;
    private static readonly MethodInfo s_wait = typeof(HostFunction).GetMethod(nameof(HostFunction.Wait))!;
    private static readonly MethodInfo s_waitForResult = typeof(HostFunction).GetMethod(nameof(HostFunction.WaitForResult))!;

    private readonly MethodInfo _method;

    private HostAdapter(MethodInfo method)
    {
        _method = method;
        Code = method.MethodHandle.GetFunctionPointer();
    }

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
            return new HostAdapter(owner.CreateType().GetMethod("CallHost")!);
        }
    }

    public override string ToString() => _method.ToString() ?? "";

    private static void EmitBody(ILGenerator generator, HostSignature signature, Type resultType, bool[] checksResults)
    {
        short target = (short)signature.Parameters.Length;
        generator.Emit(OpCodes.Ldarg, target);
        generator.Emit(OpCodes.Ldfld, s_delegate);
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
            generator.Emit(OpCodes.Call, signature.ResultType == typeof(void) ? s_wait : s_waitForResult.MakeGenericMethod(signature.ResultType));
        }

        EmitResult(generator, signature, resultType, target, checksResults);
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
