using System.Reflection;
using Wherry.Binary;
using Wherry.Compilation.Suspension;
using Wherry.Diagnostics;
using Wherry.Execution;
using Wherry.Hosting;
using Wherry.Types;

namespace Wherry.Compilation;

/// <summary>The code of a module, as its instances use it. Any number of threads may use it.</summary>
internal abstract class CompiledModule(Module module, ModuleDefinition definition)
{
    public Module Module { get; } = module;

    public ModuleDefinition Definition { get; } = definition;

    // Found once for all instances.
    private readonly nint[] _knownCode = new nint[definition.Functions.Length];
    private EntryFactories? _entryFactories;

    /// <summary>What makes delegates to its functions. Made when it is first asked for: a program that is entered by its start alone needs none.</summary>
    public EntryFactories EntryFactories => Volatile.Read(ref _entryFactories) ?? Interlocked.CompareExchange(ref _entryFactories, new EntryFactories(), null) ?? _entryFactories;

    /// <summary>Whether a large function is compiled: see <see cref="PrepareLarge"/>.</summary>
    public bool[] LargeFunctionsReady { get; protected init; } = [];

    /// <summary>An instance without anything in it.</summary>
    public GuestInstance CreateInstance()
    {
        GuestInstance instance = CreateInstanceObject();
        instance.Code = this;
        instance.Types = Definition.Types;
        instance.LargeFunctionsReady = LargeFunctionsReady;
        instance.InitializeTypeNumbers(Definition.Types);
        return instance;
    }

    public abstract CodeLayout Layout { get; }

    /// <summary>Which functions can be left while they wait; null if none can.</summary>
    public virtual ModuleSuspension? Suspension => null;

    /// <summary>Why no function can be left while it waits, where none can.</summary>
    public virtual string SuspensionRefusal => "its code is of another kind";

    /// <summary>The address of a function's code.</summary>
    public abstract nint GetCode(int function);

    /// <summary>The address of code for functions of a type.</summary>
    public abstract nint GetStub(DefinedType type, StubKind kind);

    /// <summary>A function of this module that finds its code when it is called.</summary>
    public Function CreateUnresolved(int index, UnresolvedFunction target)
    {
        DefinedType type = Definition.Functions[index];
        nint stub = GetStub(type, StubKind.Resolve);
        return Layout.HasReturnedExceptions ? new Function(type, stub, target, GetStub(type, StubKind.ResolveForGuest), target) : new Function(type, stub, target);
    }

    /// <summary>A function of this module that goes straight to its code.</summary>
    public Function CreateResolved(int index, GuestInstance instance)
    {
        DefinedType type = Definition.Functions[index];
        nint code = GetKnownCode(index);
        return Layout.ReturnsExceptions(index)
            ? new Function(type, GetStub(type, StubKind.Throw), new ThrowingTarget(instance, code), code, instance)
            : new Function(type, code, instance) { Index = index };
    }

    /// <summary>A function of this module for any instance: its callers pass their own, which <see cref="Function.Target"/> then lacks.</summary>
    public Function CreateShared(int index) => new(Definition.Functions[index], GetKnownCode(index)) { Index = index };

    /// <summary>The field of a global that only this module sees, or null: other globals are objects.</summary>
    public abstract FieldInfo? GetCreatedGlobalField(int global);

    /// <summary>Sets a global that only this module sees and that is a number, if that needs no field to be looked for.</summary>
    public virtual bool TrySetNumber(GuestInstance instance, int global, long bits) => false;

    /// <summary>Compiles a large function on a thread with a large stack.</summary>
    /// <param name="poll">Called again and again meanwhile.</param>
    public void PrepareLarge(int function, Action poll)
    {
        using Task compilation = LargeFunctionCompiler.Run(() => CompileLarge(function));
        while (!compilation.Wait(10))
        {
            poll();
        }

        Volatile.Write(ref LargeFunctionsReady[GetLargeSlot(function)], true);
    }

    /// <summary>The instruction that an IL offset belongs to.</summary>
    /// <param name="region">The region of a divided function, or -1.</param>
    /// <param name="search">What is known of the instruction.</param>
    public abstract CodePoint FindPoint(int function, int region, int ilOffset, PlaceSearch search);

    protected static CodePoint FindPoint(ICodeTarget target, int function, int region, int ilOffset, PlaceSearch search)
    {
        ModuleDefinition definition = target.Definition;
        List<CodePoint> map;
        try
        {
            map = MethodEmission.Map(target, function, region);
        }
        catch (FunctionTooLargeException)
        {
            map = [];
        }

        int start = definition.Bodies[function - definition.ImportedFunctionCount].CodeOffset;
        return search.Find(definition, map.Count > 0 ? map : [new CodePoint(0, start, null)], ilOffset);
    }

    /// <summary>The same as <see cref="GetCode"/>, found once.</summary>
    public nint GetKnownCode(int function)
    {
        nint code = Volatile.Read(ref _knownCode[function]);
        if (code == 0)
        {
            code = GetCode(function);
            Volatile.Write(ref _knownCode[function], code);
        }

        return code;
    }

    protected abstract GuestInstance CreateInstanceObject();

    protected abstract void CompileLarge(int function);

    protected abstract int GetLargeSlot(int function);
}
