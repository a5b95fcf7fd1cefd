using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;
using Wherry.Compilation;
using Wherry.Hosting;
using Wherry.Types;

namespace Wherry.Execution.Pooling;

/// <summary>
/// The code of imported functions that the instances of a pool share. It is called with the instance for its target, has the instance make a function of its own of the import,
/// and calls that. There is one for each index and signature, for all modules.
/// </summary>
internal static class ImportStubs
{
    private const string MethodName = "CallImport";

    private static readonly ConcurrentDictionary<string, nint> s_stubs = new(StringComparer.Ordinal);

    /// <summary>The code for an import.</summary>
    public static nint Get(int import, FunctionType type) =>
        s_stubs.GetOrAdd(string.Create(CultureInfo.InvariantCulture, $"{import}{FunctionStubs.Key(type, StubKind.Resolve)}"), static (_, state) => Emit(state.import, state.type), (import, type));

    private static nint Emit(int import, FunctionType type)
    {
        lock (AdapterAssembly.Gate)
        {
            TypeBuilder owner = AdapterAssembly.DefineType(typeof(GuestInstance));
            Type result = ClrTypes.OfResults(type.Results);
            Type[] parameters = ClrTypes.OfParameters(type, typeof(object));
            MethodBuilder method = owner.DefineMethod(MethodName, MethodAttributes.Public | MethodAttributes.Static, result, parameters);
            var il = new IlWriter(method.GetILGenerator());
            int target = type.Parameters.Length;
            int function = il.DeclareLocal(typeof(Function));
            il.LoadArgument(target);
            il.Int32(import);
            il.Call(RuntimeMembers.Method(typeof(InstanceTemplate), nameof(InstanceTemplate.GetImport)));
            il.StoreLocal(function);
            for (int i = 0; i < target; i++)
            {
                il.LoadArgument(i);
            }

            il.LoadLocal(function);
            il.LoadField(RuntimeMembers.FunctionTarget);
            il.LoadLocal(function);
            il.LoadField(RuntimeMembers.FunctionCode);
            il.CallIndirect(result, parameters);
            il.Emit(OpCodes.Ret);
            return owner.CreateType().GetMethod(MethodName)!.MethodHandle.GetFunctionPointer();
        }
    }
}
