using System.Collections.Concurrent;
using System.Reflection;
using Wherry.Execution;
using Wherry.Execution.Heap;

namespace Wherry.Compilation;

/// <summary>The fields of the runtime that compiled code reads.</summary>
internal static class RuntimeMembers
{
    private const BindingFlags Any = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;

    // Looking for a method by name takes longer than writing the call.
    private static readonly ConcurrentDictionary<Type, ConcurrentDictionary<string, MethodInfo>> s_methods = [];

    public static readonly FieldInfo StackLimit = Field(typeof(GuestInstance), nameof(GuestInstance.StackLimit));
    public static readonly FieldInfo SuspensionState = Field(typeof(GuestInstance), nameof(GuestInstance.SuspensionState));
    public static readonly FieldInfo SuspensionBlocks = Field(typeof(GuestInstance), nameof(GuestInstance.SuspensionBlocks));
    public static readonly FieldInfo SafepointBase = Field(typeof(GuestInstance), nameof(GuestInstance.SafepointBase));
    public static readonly FieldInfo Memory0 = Field(typeof(GuestInstance), nameof(GuestInstance.Memory0));
    public static readonly FieldInfo Memory0Base = Field(typeof(GuestInstance), nameof(GuestInstance.Memory0Base));
    public static readonly FieldInfo Memory0ProbeBase = Field(typeof(GuestInstance), nameof(GuestInstance.Memory0ProbeBase));
    public static readonly FieldInfo Memories = Field(typeof(GuestInstance), nameof(GuestInstance.Memories));
    public static readonly FieldInfo Table0 = Field(typeof(GuestInstance), nameof(GuestInstance.Table0));
    public static readonly FieldInfo Table0Elements = Field(typeof(GuestInstance), nameof(GuestInstance.Table0Elements));
    public static readonly FieldInfo Tables = Field(typeof(GuestInstance), nameof(GuestInstance.Tables));
    public static readonly FieldInfo ImportedFunctions = Field(typeof(GuestInstance), nameof(GuestInstance.ImportedFunctions));
    public static readonly FieldInfo Globals = Field(typeof(GuestInstance), nameof(GuestInstance.Globals));
    public static readonly FieldInfo Types = Field(typeof(GuestInstance), nameof(GuestInstance.Types));
    public static readonly FieldInfo Ancestors = Field(typeof(GuestInstance), nameof(GuestInstance.Ancestors));
    public static readonly FieldInfo StructType = Field(typeof(GuestStruct), nameof(GuestStruct.Type));
    public static readonly FieldInfo Heap = Field(typeof(GuestInstance), nameof(GuestInstance.Heap));
    public static readonly FieldInfo FrameBudget = Field(typeof(GuestInstance), nameof(GuestInstance.FrameBudget));
    public static readonly FieldInfo FrameBudgetRemaining = Field(typeof(FrameBudget), nameof(Execution.FrameBudget.Remaining));
    public static readonly FieldInfo Zero = Field(typeof(GuestInstance), nameof(GuestInstance.Zero));
    public static readonly FieldInfo Meter = Field(typeof(GuestInstance), nameof(GuestInstance.Meter));
    public static readonly FieldInfo MeterRemaining = Field(typeof(Meter), nameof(Execution.Meter.Remaining));
    public static readonly FieldInfo MeterOwed = Field(typeof(Meter), nameof(Execution.Meter.Owed));
    public static readonly FieldInfo MeterLeast = Field(typeof(Meter), nameof(Execution.Meter.Least));
    public static readonly FieldInfo MemoryBase = Field(typeof(Memory), nameof(Memory.Base));
    public static readonly FieldInfo MemoryProbeBase = Field(typeof(Memory), nameof(Memory.ProbeBase));
    public static readonly FieldInfo MemoryLength = Field(typeof(Memory), nameof(Memory.Length));
    public static readonly FieldInfo TableElements = Field(typeof(Table), nameof(Table.Elements));
    public static readonly FieldInfo FunctionCode = Field(typeof(Function), nameof(Function.Code));
    public static readonly FieldInfo FunctionCurrent = Field(typeof(Function), nameof(Function.Current));
    public static readonly FieldInfo FunctionTarget = Field(typeof(Function), nameof(Function.Target));
    public static readonly FieldInfo FunctionGuestCode = Field(typeof(Function), nameof(Function.GuestCode));
    public static readonly FieldInfo FunctionGuestTarget = Field(typeof(Function), nameof(Function.GuestTarget));
    public static readonly FieldInfo PendingException = Field(typeof(GuestInstance), nameof(GuestInstance.PendingException));
    public static readonly FieldInfo PendingExceptionValue = Field(typeof(PendingException), nameof(Execution.PendingException.Value));
    public static readonly FieldInfo FunctionTypeNumber = Field(typeof(Function), nameof(Function.TypeNumber));
    public static readonly FieldInfo GlobalBits = Field(typeof(Global), nameof(Global.Bits));
    public static readonly FieldInfo GlobalReference = Field(typeof(Global), nameof(Global.Reference));
    public static readonly FieldInfo GlobalVector = Field(typeof(Global), nameof(Global.Vector));
    public static readonly FieldInfo VectorCellValue = Field(typeof(Global.VectorCell), nameof(Global.VectorCell.Value));

    public static readonly MethodInfo Int32BitsToSingle = Method(typeof(BitConverter), nameof(BitConverter.Int32BitsToSingle));
    public static readonly MethodInfo SingleToInt32Bits = Method(typeof(BitConverter), nameof(BitConverter.SingleToInt32Bits));
    public static readonly MethodInfo Int64BitsToDouble = Method(typeof(BitConverter), nameof(BitConverter.Int64BitsToDouble));
    public static readonly MethodInfo DoubleToInt64Bits = Method(typeof(BitConverter), nameof(BitConverter.DoubleToInt64Bits));

    public static FieldInfo Field(Type type, string name) => type.GetField(name, Any) ?? throw new MissingFieldException(type.Name, name);

    public static MethodInfo Method(Type type, string name, params ReadOnlySpan<Type> parameters)
    {
        ConcurrentDictionary<string, MethodInfo> methods = s_methods.GetOrAdd(type, static _ => new ConcurrentDictionary<string, MethodInfo>(StringComparer.Ordinal));

        // Overloads differ in their first parameter.
        string key = parameters.IsEmpty ? name : $"{name}({parameters[0].Name}";
        return methods.TryGetValue(key, out MethodInfo? method) ? method : methods.GetOrAdd(key, Find(type, name, parameters));
    }

    private static MethodInfo Find(Type type, string name, ReadOnlySpan<Type> parameters) =>
        (parameters.IsEmpty ? type.GetMethod(name, Any) : type.GetMethod(name, Any, parameters.ToArray())) ?? throw new MissingMethodException(type.Name, name);
}
