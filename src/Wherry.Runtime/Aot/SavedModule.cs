using System.Reflection;
using System.Reflection.Emit;
using Wherry.Binary;
using Wherry.Compilation;
using Wherry.Execution;
using Wherry.Types;

namespace Wherry.Aot;

/// <summary>
/// Writes the code of a module as an assembly of its own, to be made native. It holds no object of this process: what the code needs comes from the
/// instance. Numbers of types differ from process to process, so they are fields of the instance.
/// </summary>
internal sealed class SavedModule : ICodeTarget
{
    public const string AssemblyName = "Wherry.Guest";
    public const string InstanceTypeName = "Instance";
    public const string LargeTypeName = "Large";
    public const string StubsTypeName = "Stubs";

    /// <summary>The token of <see cref="InstanceTypeName"/>, the first type after the one that stands for the module.</summary>
    public const int InstanceTypeToken = 0x02000002;

    /// <summary>The token of a method that makes an instance: behind its constructor.</summary>
    public const int CreateToken = 0x06000002;

    /// <summary>The token of a method that tells <see cref="CodeLayout.HasReturnedExceptions"/>.</summary>
    public const int ReturnsExceptionsToken = 0x06000003;

    /// <summary>The token of a method that sets the field of a global that is a number, given the instance, the global and the bits.</summary>
    public const int SetGlobalToken = 0x06000004;

    /// <summary>
    /// The method token of the first function: before it are those above and the instance's initialization. The others follow one by one, then the
    /// bodies of large functions by slot, then stubs in their order.
    /// </summary>
    public const int FirstFunctionToken = 0x06000006;

    /// <summary>How many methods are before the first function.</summary>
    public const int EntryCount = (FirstFunctionToken & 0xFFFFFF) - 1;

    public const string CreateName = "Create";
    public const string ReturnsExceptionsName = "ReturnsExceptions";
    public const string SetGlobalName = "SetGlobal";

    private const TypeAttributes StaticClass =
        TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed | TypeAttributes.BeforeFieldInit;

    private readonly PersistedAssemblyBuilder _assembly;
    private readonly TypeBuilder _instance;
    private readonly FieldBuilder?[] _globalFields;
    private readonly SortedDictionary<int, FieldBuilder> _typeNumberFields = [];
    private readonly TypeBuilder[] _classes;
    private readonly MethodBuilder[] _methods;
    private readonly TypeBuilder _large;
    private readonly Dictionary<int, MethodBuilder> _largeBodies = [];

    private SavedModule(ModuleDefinition definition, CompilerOptions options)
    {
        Definition = definition;
        // Crossgen2 knows no limits of size.
        Options = options with { OutlinesLargeFunctions = false };
        Layout = new CodeLayout(definition, CodeLayout.SavedClassSize);
        _assembly = new PersistedAssemblyBuilder(new AssemblyName(AssemblyName), typeof(object).Assembly);
        ModuleBuilder module = _assembly.DefineDynamicModule(AssemblyName);
        _instance = module.DefineType(InstanceTypeName, TypeAttributes.Public | TypeAttributes.Sealed, typeof(GuestInstance));
        EmitCreate(_instance.DefineDefaultConstructor(MethodAttributes.Public));
        EmitReturnsExceptions();
        _globalFields = new FieldBuilder?[definition.Globals.Length];
        for (int i = 0; i < _globalFields.Length; i++)
        {
            if (Layout.IsField[i])
            {
                _globalFields[i] = _instance.DefineField(CodeLayout.GlobalFieldName(i), ClrTypes.Of(definition.Globals[i].Type.ValueType.Kind), FieldAttributes.Public);
            }
        }

        EmitSetGlobal();
        _classes = new TypeBuilder[Layout.Classes.Length];
        _methods = new MethodBuilder[definition.Bodies.Length];
        for (int number = 0; number < _classes.Length; number++)
        {
            _classes[number] = module.DefineType(CodeLayout.ClassName(number), StaticClass);
            (int first, int count) = Layout.Classes[number];
            for (int function = first; function < first + count; function++)
            {
                _methods[function - definition.ImportedFunctionCount] =
                    MethodEmission.Define(this, _classes[number], function, CodeLayout.MethodName(function));
            }
        }

        _large = module.DefineType(LargeTypeName, StaticClass);
        for (int function = definition.ImportedFunctionCount; function < definition.Functions.Length; function++)
        {
            if (Layout.GetLargeSlot(function) >= 0)
            {
                _largeBodies.Add(function, MethodEmission.Define(this, _large, function, CodeLayout.BodyName(function)));
            }
        }

        EmitFunctions();
        EmitStubs(module);
        EmitInitializeTypeNumbers();
        _ = _instance.CreateType();
    }

    public ModuleDefinition Definition { get; }

    public CompilerOptions Options { get; }

    public CodeLayout Layout { get; }

    public Haste Haste => Haste.None;

    public FieldTokens? FieldTokens => null;

    /// <summary>Writes the assembly.</summary>
    /// <returns>What is where in it.</returns>
    public static CodeLayout Write(ModuleDefinition definition, CompilerOptions options, Stream output)
    {
        var saved = new SavedModule(definition, options);
        saved._assembly.Save(output);
        return saved.Layout;
    }

    public MethodInfo GetMethod(int function) => _methods[function - Definition.ImportedFunctionCount];

    public FieldInfo? GetGlobalField(int global) => _globalFields[global];

    public FieldInfo? GetTypeNumberField(int type)
    {
        if (!_typeNumberFields.TryGetValue(type, out FieldBuilder? field))
        {
            field = _instance.DefineField($"t{type}", typeof(int), FieldAttributes.Public);
            _typeNumberFields.Add(type, field);
        }

        return field;
    }

    private void EmitFunctions()
    {
        for (int i = 0; i < _methods.Length; i++)
        {
            int function = Definition.ImportedFunctionCount + i;
            if (_largeBodies.TryGetValue(function, out MethodBuilder? body))
            {
                MethodEmission.EmitLargeEntry(this, function, _methods[i], body);
                MethodEmission.Emit(this, function, body);
            }
            else
            {
                MethodEmission.Emit(this, function, _methods[i]);
            }
        }

        foreach (TypeBuilder type in _classes)
        {
            _ = type.CreateType();
        }

        _ = _large.CreateType();
    }

    private void EmitStubs(ModuleBuilder module)
    {
        TypeBuilder stubs = module.DefineType(StubsTypeName, StaticClass);
        var order = new StubOrder(Definition, Layout.HasReturnedExceptions);
        foreach (FunctionType type in order.Types)
        {
            foreach (StubKind kind in order.Kinds)
            {
                FunctionStubs.Emit(stubs, FunctionStubs.Key(type, kind), type, kind);
            }
        }

        _ = stubs.CreateType();
    }

    // What loading asks of the assembly it asks by methods with known tokens, since reflection takes milliseconds when first used.
    private void EmitCreate(ConstructorBuilder constructor)
    {
        ILGenerator generator = DefineEntry(CreateName, typeof(GuestInstance));
        generator.Emit(OpCodes.Newobj, constructor);
        generator.Emit(OpCodes.Ret);
    }

    private void EmitReturnsExceptions()
    {
        ILGenerator generator = DefineEntry(ReturnsExceptionsName, typeof(int));
        generator.Emit(Layout.HasReturnedExceptions ? OpCodes.Ldc_I4_1 : OpCodes.Ldc_I4_0);
        generator.Emit(OpCodes.Ret);
    }

    // A module may have a million globals, of which few are fields: those that it defines first.
    private void EmitSetGlobal()
    {
        ILGenerator generator = DefineEntry(SetGlobalName, typeof(void), typeof(GuestInstance), typeof(int), typeof(long));
        int imported = Definition.ImportedGlobalCount;
        int count = Array.FindLastIndex(_globalFields, static field => field is not null) + 1 - imported;
        Label end = generator.DefineLabel();
        var places = new Label[Math.Max(count, 0)];
        for (int i = 0; i < places.Length; i++)
        {
            places[i] = IsNumberField(imported + i) ? generator.DefineLabel() : end;
        }

        if (places.Length > 0)
        {
            generator.Emit(OpCodes.Ldarg_1);
            generator.Emit(OpCodes.Ldc_I4, imported);
            generator.Emit(OpCodes.Sub);
            generator.Emit(OpCodes.Switch, places);
        }

        generator.MarkLabel(end);
        generator.Emit(OpCodes.Ret);
        for (int i = 0; i < places.Length; i++)
        {
            if (IsNumberField(imported + i))
            {
                generator.MarkLabel(places[i]);
                generator.Emit(OpCodes.Ldarg_0);
                generator.Emit(OpCodes.Castclass, _instance);
                generator.Emit(OpCodes.Ldarg_2);
                EmitConversion(generator, Definition.Globals[imported + i].Type.ValueType.Kind);
                generator.Emit(OpCodes.Stfld, _globalFields[imported + i]!);
                generator.Emit(OpCodes.Ret);
            }
        }
    }

    private bool IsNumberField(int global) =>
        Layout.IsField[global] && Definition.Globals[global].Type.ValueType.Kind is WasmValueKind.I32 or WasmValueKind.I64 or WasmValueKind.F32 or WasmValueKind.F64;

    // From bits to the number that they are of.
    private static void EmitConversion(ILGenerator generator, WasmValueKind kind)
    {
        if (kind is WasmValueKind.I32 or WasmValueKind.F32)
        {
            generator.Emit(OpCodes.Conv_I4);
        }

        if (kind == WasmValueKind.F32)
        {
            generator.Emit(OpCodes.Call, RuntimeMembers.Method(typeof(BitConverter), nameof(BitConverter.Int32BitsToSingle)));
        }
        else if (kind == WasmValueKind.F64)
        {
            generator.Emit(OpCodes.Call, RuntimeMembers.Method(typeof(BitConverter), nameof(BitConverter.Int64BitsToDouble)));
        }
    }

    private ILGenerator DefineEntry(string name, Type result, params Type[] parameters) =>
        _instance.DefineMethod(name, MethodAttributes.Public | MethodAttributes.Static, result, parameters).GetILGenerator();

    private void EmitInitializeTypeNumbers()
    {
        MethodInfo overridden = RuntimeMembers.Method(typeof(GuestInstance), nameof(GuestInstance.InitializeTypeNumbers));
        MethodBuilder method = _instance.DefineMethod(
            overridden.Name, MethodAttributes.Public | MethodAttributes.Virtual | MethodAttributes.HideBySig, typeof(void), [typeof(DefinedType[])]);
        var il = new IlWriter(method.GetILGenerator());
        foreach ((int type, FieldBuilder field) in _typeNumberFields)
        {
            il.LoadArgument(0);
            il.LoadArgument(1);
            il.Int32(type);
            il.Emit(OpCodes.Ldelem_Ref);
            il.Call(RuntimeMembers.Method(typeof(DefinedType), "get_" + nameof(DefinedType.Identity)));
            il.StoreField(field);
        }

        il.Emit(OpCodes.Ret);
    }
}
