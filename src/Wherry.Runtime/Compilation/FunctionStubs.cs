using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;
using System.Text;
using Wherry.Execution;

namespace Wherry.Compilation;

/// <summary>
/// Code for functions whose own code is not looked for before they are called, one for each signature: asks the target which function it
/// stands for, and calls that.
/// </summary>
internal sealed class FunctionStubs(ModuleBuilder builder, int moduleId)
{
    private const string MethodName = "stub";

    private readonly Dictionary<string, nint> _stubs = [];

    public nint Get(FunctionType type)
    {
        string key = Key(type);
        if (!_stubs.TryGetValue(key, out nint stub))
        {
            stub = Create(type);
            _stubs.Add(key, stub);
        }

        return stub;
    }

    /// <summary>Names what the code depends on.</summary>
    public static string Key(FunctionType type)
    {
        var key = new StringBuilder();
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
    public static void Emit(TypeBuilder owner, string name, FunctionType type)
    {
        Type result = ClrTypes.OfResults(type.Results);
        Type[] parameters = ClrTypes.OfParameters(type, typeof(object));
        MethodBuilder method = owner.DefineMethod(name, MethodAttributes.Public | MethodAttributes.Static, result, parameters);
        method.SetImplementationFlags(MethodImplAttributes.IL | MethodImplAttributes.NoInlining);
        var il = new IlWriter(method.GetILGenerator());
        int function = il.DeclareLocal(typeof(Function));
        int target = type.Parameters.Length;
        il.LoadArgument(target);
        il.Call(RuntimeMembers.Method(typeof(UnresolvedFunction), nameof(UnresolvedFunction.ResolveTarget)));
        il.StoreLocal(function);
        for (int i = 0; i < target; i++)
        {
            il.LoadArgument(i);
        }

        il.LoadLocal(function);
        il.LoadField(RuntimeMembers.FunctionTarget);
        il.LoadLocal(function);
        il.LoadField(RuntimeMembers.FunctionCode);
        il.Emit(OpCodes.Tailcall);
        il.CallIndirect(result, parameters);
        il.Emit(OpCodes.Ret);
    }

    private nint Create(FunctionType type)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"m{moduleId}.s{_stubs.Count}");
        TypeBuilder stubType = builder.DefineType(name, TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed);
        Emit(stubType, MethodName, type);
        Type created = stubType.CreateType();
        return created.GetMethod(MethodName)!.MethodHandle.GetFunctionPointer();
    }
}
