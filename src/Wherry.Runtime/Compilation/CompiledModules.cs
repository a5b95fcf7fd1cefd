using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using Wherry.Aot;
using Wherry.Compilation.Suspension;

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
    /// <param name="region">Which region of it, or -1.</param>
    public static bool TryFind(MethodBase method, [NotNullWhen(true)] out CompiledModule? module, out int function, out int region)
    {
        function = 0;
        region = -1;
        module = null;
        if (method.Name is not ['f', ..] name
            || method.DeclaringType is not { } type
            || !TryParseFunction(name.AsSpan(1).TrimEnd('b'), out function, out region))
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
            module = SuspendableOverlay.FindModule(type.Assembly) ?? LoadedCode.FindModule(type.Assembly);
        }

        return module is not null;
    }

    private static Assembly? Resolve(object? sender, ResolveEventArgs arguments) =>
        TryParse(arguments.Name, out int id, out string? className)
        && Modules.TryGetValue(id, out WeakReference<JittedModule>? reference)
        && reference.TryGetTarget(out JittedModule? module)
            ? module.Resolve(className)
            : null;

    // 7 or 7r2
    private static bool TryParseFunction(ReadOnlySpan<char> name, out int function, out int region)
    {
        region = name is [.., 's'] ? MethodEmission.SuspendableRegion : -1;
        name = name.TrimEnd('s');
        int mark = name.IndexOf('r');
        return int.TryParse(mark < 0 ? name : name[..mark], NumberStyles.None, CultureInfo.InvariantCulture, out function)
            && (mark < 0 || int.TryParse(name[(mark + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out region));
    }

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
