using System.Reflection;
using System.Reflection.Emit;
using Wherry.Execution;

namespace Wherry.Compilation;

/// <summary>Fills methods with the code of functions.</summary>
internal static class MethodEmission
{
    // Only large functions can go beyond what IL can hold, and they are rare: a trial run tells.
    private const int TrialSize = 30_000;

    public static MethodBuilder Define(ICodeTarget module, TypeBuilder owner, int function, string name)
    {
        FunctionType type = module.Definition.Functions[function].Function!;
        MethodBuilder method = owner.DefineMethod(
            name,
            MethodAttributes.Public | MethodAttributes.Static | MethodAttributes.HideBySig,
            ClrTypes.OfResults(type.Results),
            ClrTypes.OfParameters(type));
        method.SetImplementationFlags(MethodImplAttributes.IL | MethodImplAttributes.NoInlining);
        return method;
    }

    public static void Emit(ICodeTarget module, int function, MethodBuilder method)
    {
        var body = module.Definition.Bodies[function - module.Definition.ImportedFunctionCount];
        if (body.End - body.Offset > TrialSize || body.Locals.Sum(run => run.Count) > TrialSize)
        {
            try
            {
                new FunctionEmitter(module, function, new IlWriter(null)).Emit();
            }
            catch (FunctionTooLargeException exception)
            {
                EmitTooLarge(function, new IlWriter(method.GetILGenerator()), exception.Message);
                return;
            }
        }

        int size = Math.Max(64, (body.End - body.Offset) * 2);
        var emitter = new FunctionEmitter(module, function, new IlWriter(method.GetILGenerator(size)));
        emitter.Emit();
        method.InitLocals = emitter.NeedsClearedLocals;
    }

    /// <summary>What calls a large function: sees to it that the function is compiled elsewhere than on the guest's stack.</summary>
    public static void EmitLargeEntry(ICodeTarget module, int function, MethodBuilder method, MethodBuilder body)
    {
        FunctionType type = module.Definition.Functions[function].Function!;
        int instance = type.Parameters.Length;
        var il = new IlWriter(method.GetILGenerator());
        int ready = il.DefineLabel();
        il.LoadArgument(instance);
        il.LoadField(RuntimeMembers.Field(typeof(GuestInstance), nameof(GuestInstance.LargeFunctionsReady)));
        il.Int32(module.Layout.GetLargeSlot(function));
        il.Emit(OpCodes.Ldelem_U1);
        il.Branch(OpCodes.Brtrue, ready);
        il.LoadArgument(instance);
        il.Int32(function);
        il.Call(RuntimeMembers.Method(typeof(CallInstructions), nameof(CallInstructions.PrepareLarge)));
        il.MarkLabel(ready);
        for (int i = 0; i <= instance; i++)
        {
            il.LoadArgument(i);
        }

        il.Emit(OpCodes.Tailcall);
        il.Call(body);
        il.Emit(OpCodes.Ret);
    }

    private static void EmitTooLarge(int function, IlWriter il, string reason)
    {
        il.Int32(function);
        il.Text(reason);
        il.Call(RuntimeMembers.Method(typeof(Traps), nameof(Traps.FunctionTooLarge)));
        il.Emit(OpCodes.Throw);
    }
}
