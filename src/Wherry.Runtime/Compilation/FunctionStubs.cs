using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;
using System.Text;
using Wherry.Execution;
using Wherry.Execution.Suspension;

namespace Wherry.Compilation;

/// <summary>
/// Code for functions whose own code is not looked for before they are called, one for each signature: asks the target which function it
/// stands for, and calls that.
/// </summary>
internal sealed class FunctionStubs(ModuleBuilder builder, int moduleId)
{
    private const string MethodName = "stub";

    private readonly Dictionary<string, nint> _stubs = [];

    public nint Get(FunctionType type, StubKind kind)
    {
        string key = Key(type, kind);
        if (!_stubs.TryGetValue(key, out nint stub))
        {
            stub = Create(type, kind);
            _stubs.Add(key, stub);
        }

        return stub;
    }

    /// <summary>Names what the code depends on.</summary>
    public static string Key(FunctionType type, StubKind kind)
    {
        var key = new StringBuilder();
        _ = key.Append("rgtw"[(int)kind]);
        foreach (WasmValueType parameter in type.Parameters)
        {
            key.Append((char)('0' + (int)parameter.Kind));
        }

        key.Append('>');
        foreach (WasmValueType result in type.Results)
        {
            key.Append((char)('0' + (int)result.Kind));
        }

        return key.ToString();
    }

    /// <summary>Writes a stub.</summary>
    public static void Emit(TypeBuilder owner, string name, FunctionType type, StubKind kind)
    {
        Type result = ClrTypes.OfResults(type.Results);
        Type[] parameters = ClrTypes.OfParameters(type, typeof(object));
        Type[] own = kind == StubKind.Rewind ? [typeof(object)] : parameters;
        MethodBuilder method = owner.DefineMethod(name, MethodAttributes.Public | MethodAttributes.Static, result, own);
        method.SetImplementationFlags(MethodImplAttributes.IL | MethodImplAttributes.NoInlining);
        if (kind == StubKind.Rewind)
        {
            EmitRewinding(new IlWriter(method.GetILGenerator()), type, result, parameters);
            return;
        }

        var il = new IlWriter(method.GetILGenerator());
        int target = type.Parameters.Length;
        if (kind == StubKind.Throw)
        {
            EmitThrowing(il, target, result, parameters);
            return;
        }

        int function = il.DeclareLocal(typeof(Function));
        il.LoadArgument(target);
        il.Call(RuntimeMembers.Method(typeof(UnresolvedFunction), nameof(UnresolvedFunction.ResolveTarget)));
        il.StoreLocal(function);
        for (int i = 0; i < target; i++)
        {
            il.LoadArgument(i);
        }

        il.LoadLocal(function);
        il.LoadField(kind == StubKind.ResolveForGuest ? RuntimeMembers.FunctionGuestTarget : RuntimeMembers.FunctionTarget);
        il.LoadLocal(function);
        il.LoadField(kind == StubKind.ResolveForGuest ? RuntimeMembers.FunctionGuestCode : RuntimeMembers.FunctionCode);
        il.Emit(OpCodes.Tailcall);
        il.CallIndirect(result, parameters);
        il.Emit(OpCodes.Ret);
    }

    private static void EmitRewinding(IlWriter il, FunctionType type, Type result, Type[] parameters)
    {
        // The function takes its arguments back: it looks at none.
        foreach (WasmValueType parameter in type.Parameters)
        {
            int none = il.DeclareLocal(ClrTypes.Of(parameter.Kind));
            il.LoadLocal(none);
        }

        il.LoadArgument(0);
        il.LoadArgument(0);
        il.Call(RuntimeMembers.Method(typeof(SuspensionInstructions), nameof(SuspensionInstructions.NextFunctionCode)));
        il.CallIndirect(result, parameters);
        il.Emit(OpCodes.Ret);
    }

    private static void EmitThrowing(IlWriter il, int target, Type result, Type[] parameters)
    {
        for (int i = 0; i < target; i++)
        {
            il.LoadArgument(i);
        }

        il.LoadArgument(target);
        il.LoadField(RuntimeMembers.Field(typeof(ThrowingTarget), nameof(ThrowingTarget.Instance)));
        il.LoadArgument(target);
        il.LoadField(RuntimeMembers.Field(typeof(ThrowingTarget), nameof(ThrowingTarget.Code)));
        il.CallIndirect(result, parameters);
        int returned = result == typeof(void) ? -1 : il.DeclareLocal(result);
        if (returned >= 0)
        {
            il.StoreLocal(returned);
        }

        il.LoadArgument(target);
        il.LoadField(RuntimeMembers.Field(typeof(ThrowingTarget), nameof(ThrowingTarget.Instance)));
        il.Call(RuntimeMembers.Method(typeof(ExceptionInstructions), nameof(ExceptionInstructions.ThrowPending)));
        if (returned >= 0)
        {
            il.LoadLocal(returned);
        }

        il.Emit(OpCodes.Ret);
    }

    private nint Create(FunctionType type, StubKind kind)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"m{moduleId}.s{_stubs.Count}");
        TypeBuilder stubType = builder.DefineType(name, TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed);
        Emit(stubType, MethodName, type, kind);
        Type created = stubType.CreateType();
        return created.GetMethod(MethodName)!.MethodHandle.GetFunctionPointer();
    }
}
