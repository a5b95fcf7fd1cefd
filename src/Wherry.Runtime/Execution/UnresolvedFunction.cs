namespace Wherry.Execution;

/// <summary>
/// The target of a guest function whose code was not looked for yet: tables and exports may hold thousands that are never called. Called, it
/// makes a function that goes straight to the code, and puts that where it finds itself.
/// </summary>
internal sealed class UnresolvedFunction(GuestInstance instance, int index)
{
    // A function that a guest holds where it can't be found is looked for so often, and no more.
    private const int MaximumSearches = 4;

    private Function? _self;
    private Function? _resolved;
    private int _searches;

    public GuestInstance Instance => instance;

    public int Index => index;

    /// <summary>Makes a function that resolves itself when it is called.</summary>
    public static Function Create(GuestInstance instance, int index)
    {
        var target = new UnresolvedFunction(instance, index);
        return target._self = instance.Code.CreateUnresolved(index, target);
    }

    /// <summary>The function to call: itself, unless it is one that resolves itself.</summary>
    public static Function Resolve(Function function) => function.Target is UnresolvedFunction unresolved ? unresolved.Resolve() : function;

    /// <summary>Called by the stub.</summary>
    public static Function ResolveTarget(object target)
    {
        var unresolved = (UnresolvedFunction)target;
        Function function = unresolved.Resolve();
        Volatile.Write(ref unresolved._self!.Current, function);
        if (unresolved._searches < MaximumSearches)
        {
            unresolved._searches++;
            unresolved.Replace(function);
        }

        return function;
    }

    private Function Resolve() => _resolved ??= instance.ResolveFunction(index);

    private void Replace(Function function)
    {
        foreach (Table table in instance.Tables)
        {
            object?[] elements = table.Elements;
            int found = Array.IndexOf(elements, _self);
            if (found >= 0)
            {
                elements[found] = function;
            }
        }
    }
}
