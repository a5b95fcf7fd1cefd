using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using Wherry.Aot;

namespace Wherry.Compilation;

/// <summary>All compiled modules of this process, for the runtime that asks for a class and for stack traces.</summary>
internal static class CompiledModules
{
    private static readonly ConcurrentDictionary<int, WeakReference<JittedModule>> Modules = [];
    private static int s_lastId;

    static CompiledModules() => AppDomain.CurrentDomain.TypeResolve += Resolve;

    public static int Register(JittedModule module)
    {
        int id = Interlocked.Increment(ref s_lastId);
        Modules[id] = new WeakReference<JittedModule>(module);
        return id;
    }

    public static void Unregister(int id) => Modules.TryRemove(id, out _);

    /// <summary>Finds which function a method is, if it is one.</summary>
    public static bool TryFind(MethodBase method, [NotNullWhen(true)] out CompiledModule? module, out int function)
    {
        function = 0;
        module = null;
        if (method.Name is not ['f', ..] name
            || method.DeclaringType is not { } type
            || !int.TryParse(name.AsSpan(1).TrimEnd('b'), NumberStyles.None, CultureInfo.InvariantCulture, out function))
        {
            return false;
        }

        if (type.FullName is ['m', ..] className
            && TryParse(className, out int id, out _)
            && Modules.TryGetValue(id, out WeakReference<JittedModule>? reference)
            && reference.TryGetTarget(out JittedModule? jitted))
        {
            module = jitted;
        }
        else
        {
            module = LoadedCode.FindModule(type.Assembly);
        }

        return module is not null;
    }

    private static Assembly? Resolve(object? sender, ResolveEventArgs arguments) =>
        TryParse(arguments.Name, out int id, out string? className)
        && Modules.TryGetValue(id, out WeakReference<JittedModule>? reference)
        && reference.TryGetTarget(out JittedModule? module)
            ? module.Resolve(className)
            : null;

    // m12.c5
    private static bool TryParse(string name, out int id, [NotNullWhen(true)] out string? className)
    {
        id = 0;
        className = null;
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        if (dot < 2 || name[0] != 'm' || !int.TryParse(name.AsSpan(1, dot - 1), NumberStyles.None, CultureInfo.InvariantCulture, out id))
        {
            return false;
        }

        className = name[(dot + 1)..];
        return true;
    }
}
