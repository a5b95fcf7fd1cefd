using System.Reflection;
using Wherry.Binary;
using Wherry.Compilation;
using Wherry.Execution;

namespace Wherry.Aot;

/// <summary>Stands for the saved assembly where code is written only to see at which IL offset each instruction stands. Its members are never used, so any will do.</summary>
internal sealed class MeasuringTarget(ModuleDefinition definition, CompilerOptions options, bool hasReturnedExceptions) : ICodeTarget
{
    private static readonly MethodInfo s_anyMethod = RuntimeMembers.Method(typeof(Traps), nameof(Traps.Unreachable));

    public ModuleDefinition Definition { get; } = definition;

    public CompilerOptions Options { get; } = options with { OutlinesLargeFunctions = false };

    public CodeLayout Layout { get; } = new(definition, CodeLayout.SavedClassSize, hasReturnedExceptions);

    public Haste Haste => Haste.None;

    public FieldTokens? FieldTokens => null;

    public MethodInfo GetMethod(int function) => s_anyMethod;

    public FieldInfo? GetGlobalField(int global) => Layout.IsField[global] ? RuntimeMembers.StackLimit : null;

    public FieldInfo? GetTypeNumberField(int type) => RuntimeMembers.StackLimit;
}
