using System.Reflection;
using System.Reflection.Emit;
using Wherry.Binary;
using Wherry.Compilation.Outlining;
using Wherry.Execution;

namespace Wherry.Compilation;

/// <summary>Fills methods with the code of functions.</summary>
internal static class MethodEmission
{
    // Only large functions can go beyond what IL can hold or the JIT optimizes, and they are rare: a trial run tells.
    private const int TrialSize = 6_000;
    private const int TrialLocals = 30_000;
    private const int TrialValues = 15_000;

    /// <summary>In place of a region's number: the function as one that a wait can leave.</summary>
    public const int SuspendableRegion = -2;

    public static MethodBuilder Define(ICodeTarget module, TypeBuilder owner, int function, string name)
    {
        FunctionType type = module.Definition.Functions[function].Function!;
        MethodBuilder method = owner.DefineMethod(
            name,
            MethodAttributes.Public | MethodAttributes.Static | MethodAttributes.HideBySig,
            ClrTypes.OfResults(type.Results),
            ClrTypes.OfParameters(type));
        method.SetImplementationFlags(Implementation(module, isHasty: false));
        return method;
    }

    public static void Emit(ICodeTarget module, int function, MethodBuilder method)
    {
        FunctionBody body = module.Definition.Bodies[function - module.Definition.ImportedFunctionCount];
        int bodySize = body.End - body.Offset;
        FunctionOutline? outline = null;
        bool isHasty = IsHasty(module, function);
        if (MayBeDivided(module, body) && !isHasty)
        {
            try
            {
                outline = Divide(module, function, (TypeBuilder)method.DeclaringType!);
            }
            catch (FunctionTooLargeException exception)
            {
                EmitTooLarge(function, new IlWriter(method.GetILGenerator()), exception.Message);
                return;
            }
        }

        bool hasLoops = Fill(module, function, method, bodySize, outline);
        if (isHasty || (module.Haste == Haste.Resumable && outline is null && !hasLoops && module.Layout.HasResumableFunctions))
        {
            method.SetImplementationFlags(Implementation(module, isHasty: true));
        }

        foreach (OutlinedRegion region in outline?.Regions ?? [])
        {
            _ = Fill(module, function, (MethodBuilder)outline!.GetMethod(region)!, region.End - region.Start, outline with { Region = region });
        }
    }

    /// <summary>Writes a function as one that a wait can leave. That it fits is for the caller to find out.</summary>
    public static void EmitSuspendable(ICodeTarget module, int function, MethodBuilder method)
    {
        FunctionBody body = module.Definition.Bodies[function - module.Definition.ImportedFunctionCount];
        _ = Fill(module, function, method, body.End - body.Offset, outline: null, suspends: true);
    }

    /// <summary>The offset in the module of each instruction's IL, in a function's method or in that of a region of it.</summary>
    /// <param name="region">The region's number, or -1, or <see cref="SuspendableRegion"/>.</param>
    /// <exception cref="FunctionTooLargeException">The function does not fit into a method.</exception>
    public static List<CodePoint> Map(ICodeTarget module, int function, int region)
    {
        var map = new List<CodePoint>();
        FunctionBody body = module.Definition.Bodies[function - module.Definition.ImportedFunctionCount];
        FunctionOutline? outline = null;
        if (region != SuspendableRegion && MayBeDivided(module, body) && CanDivide(module, function) && !IsHasty(module, function))
        {
            OutlinedRegion[] regions = OutlinePlanner.Plan(module, function);
            outline = new FunctionOutline(regions, region < 0 ? null : regions.First(other => other.Number == region), _ => null);
        }

        new FunctionEmitter(module, function, new IlWriter(null), outline, suspends: region == SuspendableRegion) { Map = map }.Emit();
        return map;
    }

    /// <summary>Whether a function is so large that it may be beyond what IL can hold or the JIT optimizes.</summary>
    /// <param name="size">The bytes of Wasm that need none.</param>
    public static bool NeedsTrial(ModuleDefinition definition, FunctionBody body, int size = TrialSize)
    {
        int length = body.End - body.Offset;
        int locals = 0;
        foreach (LocalRun run in body.Locals)
        {
            locals += run.Count;
        }

        // No instruction that gives or takes several values has less than two bytes.
        return length > size || locals > TrialLocals
            || ((long)length / 2 * definition.LargestArity > TrialValues && WideTypes.Count(definition, body) > TrialValues);
    }

    /// <summary>The same for a function of a module.</summary>
    public static bool MayBeDivided(ICodeTarget module, FunctionBody body) => NeedsTrial(module.Definition, body, TrialSize / module.Options.DivisionFactor);

    // An exception that a call returns leaves the whole function, which a region can't.
    private static bool CanDivide(ICodeTarget module, int function) => module.Options.OutlinesLargeFunctions && !module.Layout.ReturnsExceptions(function);

    private static bool IsHasty(ICodeTarget module, int function) => module.Haste switch
    {
        Haste.Resumable => HastyFunctions.IsResumable(module.Definition, function - module.Definition.ImportedFunctionCount),
        Haste.All => !NeedsTrial(module.Definition, module.Definition.Bodies[function - module.Definition.ImportedFunctionCount]),
        _ => false,
    };

    private static MethodImplAttributes Implementation(ICodeTarget module, bool isHasty) =>
        MethodImplAttributes.IL | MethodImplAttributes.NoInlining | (module.Haste != Haste.None && !isHasty ? MethodImplAttributes.AggressiveOptimization : 0);

    /// <returns>Whether anything in it branches back.</returns>
    private static bool Fill(ICodeTarget module, int function, MethodBuilder method, int bodySize, FunctionOutline? outline, bool suspends = false)
    {
        var emitter = new FunctionEmitter(module, function, new IlWriter(method.GetILGenerator(Math.Max(64, bodySize * 2)), module.FieldTokens), outline, suspends);
        emitter.Emit();
        method.InitLocals = emitter.NeedsClearedLocals;
        return emitter.HasLoops;
    }

    private static FunctionOutline? Divide(ICodeTarget module, int function, TypeBuilder owner)
    {
        if (!CanDivide(module, function))
        {
            new FunctionEmitter(module, function, new IlWriter(null)).Emit();
            return null;
        }

        var methods = new Dictionary<OutlinedRegion, MethodInfo>();
        foreach (OutlinedRegion region in OutlinePlanner.Plan(module, function))
        {
            MethodBuilder method = owner.DefineMethod(
                CodeLayout.RegionName(function, region.Number),
                MethodAttributes.Public | MethodAttributes.Static | MethodAttributes.HideBySig,
                ClrTypes.OfResults(region.Type.Results),
                ClrTypes.OfParameters(region.Type));
            method.SetImplementationFlags(Implementation(module, isHasty: false));
            methods.Add(region, method);
        }

        return methods.Count == 0 ? null : new FunctionOutline([.. methods.Keys], null, region => methods[region]);
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
