using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using Wherry.Binary;
using Wherry.Compilation.Suspension;
using Wherry.Diagnostics;
using Wherry.Execution;
using Wherry.Types;

namespace Wherry.Compilation;

/// <summary>
/// Code that the JIT compiles, and that goes when nothing uses it any more. Functions stand in small classes, and a class is written when the
/// runtime first asks for it, since most of a large module never runs: a call to a method of a class that does not exist yet makes the
/// runtime raise AppDomain.TypeResolve.
/// </summary>
internal sealed class JittedModule : CompiledModule, ICodeTarget
{
    private readonly Lock _lock = new();
    private readonly ModuleBuilder _builder;
    private readonly FunctionClass[] _classes;
    private readonly FieldBuilder?[] _globalFields;
    private readonly FieldInfo?[] _createdGlobalFields;
    private readonly Type _instanceType;
    private readonly FunctionStubs _stubs;
    private readonly Lazy<(ModuleSuspension? Suspension, string Refusal)> _suspension;

    public JittedModule(Module module, ModuleDefinition definition, CompilerOptions options)
        : base(module, definition)
    {
        Options = options;
        Haste = module.Engine.Options.CollectibleCode ? Haste.None : module.Engine.Options.Haste;
        Layout = new CodeLayout(definition, CodeLayout.JittedClassSize);
        Id = CompiledModules.Register(this);
        var assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Wherry.Guest"), module.Engine.Options.CollectibleCode ? AssemblyBuilderAccess.RunAndCollect : AssemblyBuilderAccess.Run);
        _builder = assembly.DefineDynamicModule("Wherry.Guest");
        _classes = new FunctionClass[Layout.Classes.Length];
        for (int i = 0; i < _classes.Length; i++)
        {
            _classes[i] = new FunctionClass(i, Layout.Classes[i].First, Layout.Classes[i].Count);
        }

        _suspension = new Lazy<(ModuleSuspension?, string)>(() => SuspensionPlan.FindFor(module.Engine.Options, Layout, definition, out string refusal) is { } plan
            ? (new ModuleSuspension(this, plan, module.Waits!, module.Engine.Options.WaitsAtEachCall, CompileSuspendable, type => GetStub(type, StubKind.Rewind)), "")
            : (null, refusal));
        LargeFunctionsReady = new bool[Layout.LargeFunctionCount];
        _globalFields = new FieldBuilder?[definition.Globals.Length];
        _createdGlobalFields = new FieldInfo?[definition.Globals.Length];
        _instanceType = CreateInstanceType();
        FieldTokens = new FieldTokens(_builder);
        _stubs = new FunctionStubs(_builder, Id);
    }

    ~JittedModule()
    {
        CompiledModules.Unregister(Id);
    }

    /// <summary>Identifies it in the names of its classes.</summary>
    public int Id { get; }

    public CompilerOptions Options { get; }

    public override CodeLayout Layout { get; }

    public Haste Haste { get; }

    public FieldTokens? FieldTokens { get; }

    public override ModuleSuspension? Suspension => _suspension.Value.Suspension;

    public override string SuspensionRefusal => _suspension.Value.Refusal;

    public MethodInfo GetMethod(int function)
    {
        FunctionClass functionClass = ClassOf(function);
        Define(functionClass);
        return functionClass.Methods![function - functionClass.First];
    }

    public nint GetPlainCode(int function) => GetKnownCode(function);

    public override nint GetCode(int function) => GetHandle(function, isBody: false).GetFunctionPointer();

    public override nint GetStub(DefinedType type, StubKind kind)
    {
        lock (_lock)
        {
            return _stubs.Get(type.Function!, kind);
        }
    }

    public FieldInfo? GetGlobalField(int global) => _globalFields[global];

    public FieldInfo? GetTypeNumberField(int type) => null;

    public override FieldInfo? GetCreatedGlobalField(int global) => _createdGlobalFields[global];

    public override CodePoint FindPoint(int function, int region, int ilOffset, PlaceSearch search) => FindPoint(this, function, region, ilOffset, search);

    /// <summary>Creates a class, if there is one of that name.</summary>
    public Assembly? Resolve(string className)
    {
        if (className.StartsWith('c') && int.TryParse(className.AsSpan(1), out int number) && number < _classes.Length)
        {
            return Create(_classes[number]).Assembly;
        }

        return null;
    }

    protected override GuestInstance CreateInstanceObject() => (GuestInstance)Activator.CreateInstance(_instanceType)!;

    protected override void CompileLarge(int function) => RuntimeHelpers.PrepareMethod(GetHandle(function, isBody: true));

    protected override int GetLargeSlot(int function) => Layout.GetLargeSlot(function);

    private nint CompileSuspendable(int function)
    {
        MethodBuilder method;
        Type created;
        lock (_lock)
        {
            TypeBuilder owner = _builder.DefineType($"m{Id}.w{function}", TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed | TypeAttributes.BeforeFieldInit);
            method = MethodEmission.Define(this, owner, function, CodeLayout.SuspendableName(function));
            MethodEmission.EmitSuspendable(this, function, method);
            created = owner.CreateType();
        }

        return created.Module.ResolveMethod(method.MetadataToken)!.MethodHandle.GetFunctionPointer();
    }

    private FunctionClass ClassOf(int function) => _classes[Layout.GetClass(function)];

    private Type CreateInstanceType()
    {
        TypeBuilder type = _builder.DefineType($"m{Id}.Instance", TypeAttributes.Public | TypeAttributes.Sealed, typeof(GuestInstance));
        for (int i = 0; i < _globalFields.Length; i++)
        {
            if (Layout.IsField[i])
            {
                _globalFields[i] = type.DefineField(CodeLayout.GlobalFieldName(i), ClrTypes.Of(Definition.Globals[i].Type.ValueType.Kind), FieldAttributes.Public);
            }
        }

        type.DefineDefaultConstructor(MethodAttributes.Public);
        Type created = type.CreateType();

        // In the order of their definition, as it happens. Asking for each by its name looks through all of them each time: 7 s for 10,000.
        FieldInfo[] fields = created.GetFields(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly);
        int next = 0;
        for (int i = 0; i < _globalFields.Length; i++)
        {
            if (Layout.IsField[i])
            {
                string name = CodeLayout.GlobalFieldName(i);
                _createdGlobalFields[i] = next < fields.Length && fields[next].Name == name ? fields[next] : created.GetField(name);
                next++;
            }
        }

        return created;
    }

    private RuntimeMethodHandle GetHandle(int function, bool isBody)
    {
        FunctionClass functionClass = ClassOf(function);
        Type type = Create(functionClass);
        MethodBuilder method = isBody && functionClass.Bodies!.TryGetValue(function, out MethodBuilder? body) ? body : functionClass.Methods![function - functionClass.First];
        return type.Module.ResolveMethod(method.MetadataToken)!.MethodHandle;
    }

    private void Define(FunctionClass functionClass)
    {
        if (Volatile.Read(ref functionClass.Methods) is not null)
        {
            return;
        }

        lock (_lock)
        {
            if (functionClass.Methods is null)
            {
                const TypeAttributes Attributes = TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed | TypeAttributes.BeforeFieldInit;
                functionClass.Builder = _builder.DefineType($"m{Id}.{CodeLayout.ClassName(functionClass.Number)}", Attributes);
                Volatile.Write(ref functionClass.Methods, DefineMethods(functionClass));
            }
        }
    }

    private MethodBuilder[] DefineMethods(FunctionClass functionClass)
    {
        var methods = new MethodBuilder[functionClass.Count];
        functionClass.Bodies = [];
        for (int i = 0; i < methods.Length; i++)
        {
            int function = functionClass.First + i;
            methods[i] = MethodEmission.Define(this, functionClass.Builder!, function, CodeLayout.MethodName(function));
            if (Layout.GetLargeSlot(function) >= 0)
            {
                functionClass.Bodies.Add(function, MethodEmission.Define(this, functionClass.Builder!, function, CodeLayout.BodyName(function)));
            }
        }

        return methods;
    }

    private Type Create(FunctionClass functionClass)
    {
        if (Volatile.Read(ref functionClass.Created) is { } created)
        {
            return created;
        }

        Define(functionClass);
        lock (_lock)
        {
            if (functionClass.Created is null)
            {
                for (int i = 0; i < functionClass.Count; i++)
                {
                    int function = functionClass.First + i;
                    if (functionClass.Bodies!.TryGetValue(function, out MethodBuilder? body))
                    {
                        MethodEmission.EmitLargeEntry(this, function, functionClass.Methods![i], body);
                        MethodEmission.Emit(this, function, body);
                    }
                    else
                    {
                        MethodEmission.Emit(this, function, functionClass.Methods![i]);
                    }
                }

                Volatile.Write(ref functionClass.Created, functionClass.Builder!.CreateType());
            }

            return functionClass.Created;
        }
    }
}
