using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using Wherry.Binary;
using Wherry.Execution;
using Wherry.Instructions;
using Wherry.Types;

namespace Wherry.Compilation;

/// <summary>
/// The code of a module. Functions stand in small classes, and a class is written when the runtime first asks for it, since most of a large
/// module never runs: a call to a method of a class that does not exist yet makes the runtime raise AppDomain.TypeResolve.
/// Any number of threads may use it.
/// </summary>
internal sealed class CompiledModule
{
    private const int ClassCodeSize = 16 * 1024;
    private const int ClassFunctions = 1_000;

    private readonly Lock _lock = new();
    private readonly ModuleBuilder _builder;
    private readonly FunctionClass[] _classes;
    private readonly int[] _classOfBody;
    private readonly FieldBuilder?[] _globalFields;
    private readonly FieldInfo?[] _createdGlobalFields;
    private readonly long?[] _constants;
    private readonly Type _instanceType;
    private readonly FunctionStubs _stubs;
    private readonly Dictionary<int, int> _largeFunctions = [];

    public CompiledModule(Module module, ModuleDefinition definition, CompilerOptions options)
    {
        Module = module;
        Definition = definition;
        Options = options;
        Id = CompiledModules.Register(this);
        var assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Wherry.Guest"), AssemblyBuilderAccess.RunAndCollect);
        _builder = assembly.DefineDynamicModule("Wherry.Guest");
        _classOfBody = new int[definition.Bodies.Length];
        _classes = Partition();
        LargeFunctionsReady = new bool[_largeFunctions.Count];
        _constants = Array.ConvertAll(definition.Globals, FindConstant);
        _globalFields = new FieldBuilder?[definition.Globals.Length];
        _createdGlobalFields = new FieldInfo?[definition.Globals.Length];
        _instanceType = CreateInstanceType();
        _stubs = new FunctionStubs(_builder, Id);
    }

    ~CompiledModule()
    {
        CompiledModules.Unregister(Id);
    }

    /// <summary>Identifies it in the names of its classes.</summary>
    public int Id { get; }

    public Module Module { get; }

    public ModuleDefinition Definition { get; }

    public CompilerOptions Options { get; }

    /// <summary>Whether a large function is compiled: see <see cref="PrepareLarge"/>.</summary>
    public bool[] LargeFunctionsReady { get; }

    public static string MethodName(int function) => $"f{function}";

    /// <summary>An instance without anything in it.</summary>
    public GuestInstance CreateInstance()
    {
        var instance = (GuestInstance)Activator.CreateInstance(_instanceType)!;
        instance.Code = this;
        instance.LargeFunctionsReady = LargeFunctionsReady;
        return instance;
    }

    /// <summary>The method of a function, for another function's code to call. Its body may not exist yet.</summary>
    public MethodInfo GetMethod(int function)
    {
        FunctionClass functionClass = ClassOf(function);
        Define(functionClass);
        return functionClass.Methods![function - functionClass.First];
    }

    /// <summary>The address of a function's code.</summary>
    public nint GetCode(int function) => GetHandle(function, isBody: false).GetFunctionPointer();

    /// <summary>The address of code that finds the function that it is called for, then calls it: see <see cref="UnresolvedFunction"/>.</summary>
    public nint GetStub(DefinedType type)
    {
        lock (_lock)
        {
            return _stubs.Get(type.Function!);
        }
    }

    /// <summary>The field of a global that only this module sees, or null: other globals are objects.</summary>
    public FieldInfo? GetGlobalField(int global) => _globalFields[global];

    /// <summary>The same field for reflection.</summary>
    public FieldInfo? GetCreatedGlobalField(int global) => _createdGlobalFields[global];

    /// <summary>The bits of an immutable global whose initializer is a number.</summary>
    public bool TryGetConstant(int global, out long bits)
    {
        bits = _constants[global].GetValueOrDefault();
        return _constants[global].HasValue;
    }

    /// <summary>The slot of a function in <see cref="LargeFunctionsReady"/>, or -1 if it is not large.</summary>
    public int GetLargeSlot(int function) => _largeFunctions.GetValueOrDefault(function, -1);

    /// <summary>Compiles a large function on a thread with a large stack.</summary>
    /// <param name="poll">Called again and again meanwhile.</param>
    public void PrepareLarge(int function, Action poll)
    {
        using Task compilation = LargeFunctionCompiler.Run(() => RuntimeHelpers.PrepareMethod(GetHandle(function, isBody: true)));
        while (!compilation.Wait(10))
        {
            poll();
        }

        Volatile.Write(ref LargeFunctionsReady[GetLargeSlot(function)], true);
    }

    /// <summary>Creates a class, if there is one of that name.</summary>
    public Assembly? Resolve(string className)
    {
        if (className.StartsWith('c') && int.TryParse(className.AsSpan(1), out int number) && number < _classes.Length)
        {
            return Create(_classes[number]).Assembly;
        }

        return null;
    }

    /// <summary>The offset in the module of the instruction that an IL offset belongs to.</summary>
    public int FindWasmOffset(int function, int ilOffset)
    {
        var map = new List<(int IlOffset, int WasmOffset)>();
        var emitter = new FunctionEmitter(this, function, new IlWriter(null), map);
        try
        {
            emitter.Emit();
        }
        catch (FunctionTooLargeException)
        {
            return Definition.Bodies[function - Definition.ImportedFunctionCount].CodeOffset;
        }

        int index = map.Count - 1;
        while (index > 0 && map[index].IlOffset > ilOffset)
        {
            index--;
        }

        // Instructions without code of their own stand at the same IL offset; the last of them has the code.
        return index < 0 ? Definition.Bodies[function - Definition.ImportedFunctionCount].CodeOffset : map[index].WasmOffset;
    }

    private FunctionClass[] Partition()
    {
        var classes = new List<FunctionClass>();
        FunctionBody[] bodies = Definition.Bodies;
        int first = 0;
        int size = 0;
        for (int i = 0; i < bodies.Length; i++)
        {
            int bodySize = bodies[i].End - bodies[i].Offset;
            if (i > first && (size + bodySize > ClassCodeSize || i - first == ClassFunctions))
            {
                classes.Add(new FunctionClass(classes.Count, Definition.ImportedFunctionCount + first, i - first));
                first = i;
                size = 0;
            }

            size += bodySize;
            _classOfBody[i] = classes.Count;
            if (bodySize > LargeFunctionCompiler.Threshold)
            {
                _largeFunctions.Add(Definition.ImportedFunctionCount + i, _largeFunctions.Count);
            }
        }

        if (bodies.Length > 0)
        {
            classes.Add(new FunctionClass(classes.Count, Definition.ImportedFunctionCount + first, bodies.Length - first));
        }

        return [.. classes];
    }

    private FunctionClass ClassOf(int function) => _classes[_classOfBody[function - Definition.ImportedFunctionCount]];

    private long? FindConstant(GlobalDefinition global)
    {
        if (global.Initializer is not { } expression || global.Type.IsMutable)
        {
            return null;
        }

        var reader = new InstructionReader(Definition.Bytes.Span, expression.Offset, expression.Offset + expression.Length);
        reader.Next();
        long? value = reader.Opcode switch
        {
            Opcode.I32Const or Opcode.I64Const => reader.Integer,
            Opcode.F32Const or Opcode.F64Const => (long)reader.Bits,
            _ => null,
        };
        return reader.Next() && reader.Opcode == Opcode.End ? value : null;
    }

    private Type CreateInstanceType()
    {
        TypeBuilder type = _builder.DefineType($"m{Id}.Instance", TypeAttributes.Public | TypeAttributes.Sealed, typeof(GuestInstance));
        var isShared = new bool[Definition.Globals.Length];
        isShared.AsSpan(0, Definition.ImportedGlobalCount).Fill(true);
        foreach (ExportDefinition export in Definition.Exports)
        {
            if (export.Kind == ExternalKind.Global)
            {
                isShared[export.Index] = true;
            }
        }

        for (int i = 0; i < isShared.Length; i++)
        {
            if (!isShared[i])
            {
                _globalFields[i] = type.DefineField($"g{i}", ClrTypes.Of(Definition.Globals[i].Type.ValueType.Kind), FieldAttributes.Public);
            }
        }

        type.DefineDefaultConstructor(MethodAttributes.Public);
        Type created = type.CreateType();
        for (int i = 0; i < isShared.Length; i++)
        {
            _createdGlobalFields[i] = isShared[i] ? null : created.GetField($"g{i}");
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
                functionClass.Builder = _builder.DefineType($"m{Id}.c{functionClass.Number}", Attributes);
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
            methods[i] = DefineMethod(functionClass, function, MethodName(function));
            if (_largeFunctions.ContainsKey(function))
            {
                functionClass.Bodies.Add(function, DefineMethod(functionClass, function, MethodName(function) + "b"));
            }
        }

        return methods;
    }

    private MethodBuilder DefineMethod(FunctionClass functionClass, int function, string name)
    {
        FunctionType type = Definition.Functions[function].Function!;
        MethodBuilder method = functionClass.Builder!.DefineMethod(
            name,
            MethodAttributes.Public | MethodAttributes.Static | MethodAttributes.HideBySig,
            ClrTypes.OfResults(type.Results),
            ClrTypes.OfParameters(type));
        method.SetImplementationFlags(MethodImplAttributes.IL | MethodImplAttributes.NoInlining);
        return method;
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
