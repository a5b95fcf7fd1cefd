using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Wherry.Aot;
using Wherry.Binary;
using Wherry.Hosting;
using Wherry.Types;

namespace Wherry.Compilation.Suspension;

/// <summary>Functions that a wait can leave, of a module whose other code was compiled ahead of time: the JIT compiles these few beside it.</summary>
internal sealed class SuspendableOverlay : ICodeTarget
{
    private const string Name = "Wherry.Suspendable";

    private static readonly ConditionalWeakTable<Assembly, PrecompiledModule> s_modules = [];

    private readonly Lock _lock = new();
    private readonly PrecompiledModule _module;
    private readonly ModuleBuilder _builder;
    private readonly FunctionStubs _stubs;

    /// <param name="module">The module.</param>
    /// <param name="options">How its code was compiled.</param>
    /// <param name="code">The assembly that holds it.</param>
    /// <param name="plan">From which functions a wait can be reached.</param>
    /// <param name="waitsAtEachCall">See <see cref="EngineOptions.WaitsAtEachCall"/>.</param>
    public SuspendableOverlay(PrecompiledModule module, CompilerOptions options, Assembly code, SuspensionPlan plan, bool waitsAtEachCall)
    {
        _module = module;
        Options = options;

        // In the context of the code's assembly, so that the runtime finds that by its name.
        using (AssemblyLoadContext.GetLoadContext(code)!.EnterContextualReflection())
        {
            AssemblyBuilder assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName(Name), AssemblyBuilderAccess.Run);
            ConstructorInfo ignoresAccessChecks = typeof(IgnoresAccessChecksToAttribute).GetConstructor([typeof(string)])!;
            assembly.SetCustomAttribute(new CustomAttributeBuilder(ignoresAccessChecks, [typeof(SuspendableOverlay).Assembly.GetName().Name!]));
            _builder = assembly.DefineDynamicModule(Name);
        }

        s_modules.Add(_builder.Assembly, module);
        _stubs = new FunctionStubs(_builder, 0);
        Suspension = new ModuleSuspension(this, plan, module.Module.Waits!, waitsAtEachCall, Compile, GetRewindStub);
    }

    public ModuleDefinition Definition => _module.Definition;

    public CompilerOptions Options { get; }

    public CodeLayout Layout => _module.Layout;

    public Haste Haste => Haste.None;

    public FieldTokens? FieldTokens => null;

    public ModuleSuspension Suspension { get; }

    /// <summary>The module whose functions an assembly holds, if it is one of these.</summary>
    public static PrecompiledModule? FindModule(Assembly assembly) => s_modules.TryGetValue(assembly, out PrecompiledModule? module) ? module : null;

    public MethodInfo GetMethod(int function) => _module.GetMethod(function);

    public FieldInfo? GetGlobalField(int global) => _module.GetCreatedGlobalField(global);

    public FieldInfo? GetTypeNumberField(int type) => null;

    public nint GetPlainCode(int function) => _module.GetKnownCode(function);

    private nint Compile(int function)
    {
        lock (_lock)
        {
            TypeBuilder owner = _builder.DefineType($"w{function}", TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed | TypeAttributes.BeforeFieldInit);
            MethodBuilder method = MethodEmission.Define(this, owner, function, CodeLayout.SuspendableName(function));
            MethodEmission.EmitSuspendable(this, function, method);
            Type created = owner.CreateType();
            s_modules.AddOrUpdate(created.Assembly, _module);
            return created.Module.ResolveMethod(method.MetadataToken)!.MethodHandle.GetFunctionPointer();
        }
    }

    private nint GetRewindStub(DefinedType type)
    {
        lock (_lock)
        {
            return _stubs.Get(type.Function!, StubKind.Rewind);
        }
    }
}
