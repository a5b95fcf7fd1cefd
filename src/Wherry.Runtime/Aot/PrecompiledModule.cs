using System.Reflection;
using System.Runtime.CompilerServices;
using Wherry.Binary;
using Wherry.Compilation;
using Wherry.Compilation.Suspension;
using Wherry.Diagnostics;
using Wherry.Execution;
using Wherry.Types;

namespace Wherry.Aot;

/// <summary>A module whose code was compiled ahead of time: an assembly that stays loaded, shared by all that load the same.</summary>
internal sealed class PrecompiledModule : CompiledModule
{
    private readonly LoadedCode _code;
    private readonly MeasuringTarget _target;
    private StubOrder? _stubs;
    private readonly CompilerOptions _options;
    private FoundSuspension? _foundSuspension;

    public PrecompiledModule(Module module, ModuleDefinition definition, CompilerOptions options, LoadedCode code)
        : base(module, definition)
    {
        _code = code;
        _options = options;
        _target = new MeasuringTarget(definition, options, code.HasReturnedExceptions);
        LargeFunctionsReady = new bool[_target.Layout.LargeFunctionCount];
        for (int i = 0; i < LargeFunctionsReady.Length; i++)
        {
            LargeFunctionsReady[i] = code.HasNativeCode(definition.Bodies.Length + i);
        }

        code.AddModule(this);
    }

    public override nint GetCode(int function) => _code.GetFunction(function - Definition.ImportedFunctionCount).GetFunctionPointer();

    public override CodeLayout Layout => _target.Layout;

    public override ModuleSuspension? Suspension => FindSuspension().Overlay?.Suspension;

    public override string SuspensionRefusal => FindSuspension().Refusal;

    /// <summary>The method of a function.</summary>
    public MethodInfo GetMethod(int function) => (MethodInfo)MethodBase.GetMethodFromHandle(_code.GetFunction(function - Definition.ImportedFunctionCount))!;

    public override nint GetStub(DefinedType type, StubKind kind)
    {
        StubOrder order = _stubs ??= new StubOrder(Definition, _target.Layout.HasReturnedExceptions);
        return _code.GetFunction(Definition.Bodies.Length + LargeFunctionsReady.Length + order.Find(type.Function!, kind)).GetFunctionPointer();
    }

    public override bool TrySetNumber(GuestInstance instance, int global, long bits)
    {
        if (!_target.Layout.IsField[global])
        {
            return false;
        }

        _code.SetGlobal(instance, global, bits);
        return true;
    }

    public override FieldInfo? GetCreatedGlobalField(int global) => _target.Layout.IsField[global] ? _code.GetGlobalField(global) : null;

    public override CodePoint FindPoint(int function, int region, int ilOffset, PlaceSearch search) =>
        FindPoint(region == MethodEmission.SuspendableRegion ? FindSuspension().Overlay! : _target, function, region, ilOffset, search);

    // Once, by whoever asks first.
    private FoundSuspension FindSuspension()
    {
        if (Volatile.Read(ref _foundSuspension) is { } found)
        {
            return found;
        }

        lock (_code)
        {
            if (_foundSuspension is null)
            {
                found = SuspensionPlan.FindFor(Module.Engine.Options, Layout, Definition, out string refusal) is { } plan
                    ? new FoundSuspension(new SuspendableOverlay(this, _options, _code.Assembly, plan, Module.Engine.Options.WaitsAtEachCall), "")
                    : new FoundSuspension(null, refusal);
                Volatile.Write(ref _foundSuspension, found);
            }

            return _foundSuspension;
        }
    }

    protected override GuestInstance CreateInstanceObject() => _code.CreateInstance();

    protected override void CompileLarge(int function) => RuntimeHelpers.PrepareMethod(_code.GetFunction(Definition.Bodies.Length + _target.Layout.GetLargeSlot(function)));

    protected override int GetLargeSlot(int function) => _target.Layout.GetLargeSlot(function);

    // A class: what is generic over a struct would be left to the JIT.
    private sealed record FoundSuspension(SuspendableOverlay? Overlay, string Refusal);
}
