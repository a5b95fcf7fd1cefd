using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Wherry.Compilation;
using Wherry.Execution;

namespace Wherry.Aot;

/// <summary>An assembly of native code. It stays loaded as long as the process runs, since the runtime uses native code only in assemblies that can't be unloaded.</summary>
internal sealed unsafe class LoadedCode
{
    // Code by assembly, and by identity: locked while they are used. What compares is given by name, since the framework finds it by reflection; both kinds of tables are such as it has loaded already.
    private static readonly Dictionary<object, object> s_loaded = new(ReferenceEqualityComparer.Instance);
    private static readonly Dictionary<string, object> s_byIdentity = [];

    private static int s_isDefaultUsed;

    private readonly object _lock = new();
    private readonly Assembly _assembly;
    private readonly ModuleHandle _handle;
    private readonly delegate*<GuestInstance> _create;
    private readonly delegate*<GuestInstance, int, long, void> _setGlobal;
    private Type? _instanceType;
    private WeakList _modules;

    private readonly NativeCodeIndex? _native;

    private LoadedCode(Assembly assembly, NativeCodeIndex? native)
    {
        _native = native;
        _assembly = assembly;
        _handle = assembly.ManifestModule.ModuleHandle;

        // Sound: these are the methods' signatures. By token: to find anything by its name takes the runtime some milliseconds when it is first asked.
        _create = (delegate*<GuestInstance>)_handle.ResolveMethodHandle(SavedModule.CreateToken).GetFunctionPointer();
        _setGlobal = (delegate*<GuestInstance, int, long, void>)_handle.ResolveMethodHandle(SavedModule.SetGlobalToken).GetFunctionPointer();
        HasReturnedExceptions = ((delegate*<int>)_handle.ResolveMethodHandle(SavedModule.ReturnsExceptionsToken).GetFunctionPointer())() != 0;
        lock (s_loaded)
        {
            s_loaded[assembly] = this;
        }
    }

    /// <summary>Loads the assembly of a file. The caller knows that it may be trusted, and loads none twice.</summary>
    /// <param name="native">Which of its methods have native code; none, if not given.</param>
    public static LoadedCode Load(string path, NativeCodeIndex? native = null)
    {
        // All have one name, so a context has room for one. The first goes where the engine is, if that is the default context: making another one, and being asked by it for the engine, takes the
        // runtime a millisecond. A host may have loaded one there itself.
        if (GuestLoadContext.IsEngineInDefault && Interlocked.Exchange(ref s_isDefaultUsed, 1) == 0)
        {
            try
            {
                return new(AssemblyLoadContext.Default.LoadFromAssemblyPath(path), native);
            }
            catch (FileLoadException)
            {
                // The name is taken: then as all later ones.
            }
        }

        return new(new GuestLoadContext().LoadFromAssemblyPath(path), native);
    }

    /// <summary>Loads a file's assembly, once in a process.</summary>
    /// <param name="file">What the caller knows that it may be trusted.</param>
    /// <param name="path">Where its bytes lie and nobody else can change them, or null if there is no such place.</param>
    /// <exception cref="PrecompilationException">It can't be loaded.</exception>
    public static LoadedCode Load(PrecompiledFile file, string? path)
    {
        lock (s_byIdentity)
        {
            string identity = file.Identity.ToText();
            if (s_byIdentity.TryGetValue(identity, out object? found))
            {
                return (LoadedCode)found;
            }

            LoadedCode loaded;

            try
            {
                var native = NativeCodeIndex.Read(file.Assembly.Span);
                loaded = Load(path ?? Extract(file), native);
            }
            catch (Exception exception) when (exception is BadImageFormatException or IOException or TypeLoadException or ArgumentException or InvalidProgramException or MissingMethodException)
            {
                throw new PrecompilationException($"the precompiled code can't be loaded: {exception.Message}");
            }

            s_byIdentity.Add(identity, loaded);
            return loaded;
        }
    }

    /// <summary>Code that this process has loaded already.</summary>
    public static LoadedCode? Find(CodeIdentity identity)
    {
        lock (s_byIdentity)
        {
            return (LoadedCode?)s_byIdentity.GetValueOrDefault(identity.ToText());
        }
    }

    /// <summary>The assembly itself.</summary>
    public Assembly Assembly => _assembly;

    /// <summary>One of the modules that use the assembly, if it is one of these.</summary>
    public static CompiledModule? FindModule(Assembly assembly)
    {
        LoadedCode code;
        lock (s_loaded)
        {
            if (!s_loaded.TryGetValue(assembly, out object? found))
            {
                return null;
            }

            code = (LoadedCode)found;
        }

        lock (code._lock)
        {
            return code._modules.GetAll() is [CompiledModule module, ..] ? module : null;
        }
    }

    public void AddModule(PrecompiledModule module)
    {
        lock (_lock)
        {
            _modules.Add(module);
        }
    }

    /// <summary>See <see cref="CodeLayout.HasReturnedExceptions"/>.</summary>
    public bool HasReturnedExceptions { get; }

    private Type InstanceType => _instanceType ??= _assembly.ManifestModule.ResolveType(SavedModule.InstanceTypeToken);

    public GuestInstance CreateInstance() => _create();

    /// <summary>Sets the field of a global that is a number.</summary>
    public void SetGlobal(GuestInstance instance, int global, long bits) => _setGlobal(instance, global, bits);

    /// <param name="body">A function's place in the code section, or the number of functions there and a large function's slot for the body of that, or both numbers and a stub's place.</param>
    public RuntimeMethodHandle GetFunction(int body) => _handle.ResolveMethodHandle(SavedModule.FirstFunctionToken + body);

    /// <summary>Whether the method for which <see cref="GetFunction"/> has a handle will not be compiled by the JIT.</summary>
    public bool HasNativeCode(int body) => _native?.HasNativeCode(SavedModule.FirstFunctionToken + body) == true;

    public FieldInfo GetGlobalField(int global) => InstanceType.GetField(CodeLayout.GlobalFieldName(global))!;

    // The runtime loads native code from files only, and from a place where nobody can exchange what was checked.
    private static string Extract(PrecompiledFile file)
    {
        if (UnixFiles.TryCreateInMemory("wherry-guest", file.Assembly.Span) is { } inMemory)
        {
            return inMemory;
        }

        string path = Path.Combine(Directory.CreateTempSubdirectory("wherry-").FullName, "guest.dll");
        File.WriteAllBytes(path, file.Assembly.Span);
        return path;
    }

    private sealed class GuestLoadContext() : AssemblyLoadContext(SavedModule.AssemblyName, isCollectible: false)
    {
        /// <summary>Whether the engine is in the default context, which the runtime asks by itself, and in less time.</summary>
        public static bool IsEngineInDefault { get; } = GetLoadContext(typeof(LoadedCode).Assembly) == Default;

        protected override Assembly? Load(AssemblyName assemblyName) =>
            !IsEngineInDefault && assemblyName.Name == typeof(LoadedCode).Assembly.GetName().Name ? typeof(LoadedCode).Assembly : null;
    }
}
