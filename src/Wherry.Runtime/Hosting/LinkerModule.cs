namespace Wherry.Hosting;

/// <summary>What a linker defines under one module name. Any number of threads may look into it once all is defined.</summary>
internal sealed class LinkerModule
{
    private readonly object _lock = new();

    // In order of definition. A name that is here has the tables' methods too; others have them alone.
    // The values are lists of objects, and the tables are Tables: collections of these types are loaded already where a command starts.
    private readonly Dictionary<string, object> _definitions = [];
    private readonly List<object> _tables = [];

    /// <summary>All names.</summary>
    public string[] Names
    {
        get
        {
            lock (_lock)
            {
                return [.. _definitions.Keys.Concat(_tables.SelectMany(static table => ((Table)table).Methods.Names)).Distinct()];
            }
        }
    }

    /// <param name="replaces">Whether it stands in the place of what has the name already.</param>
    public void Add(string name, object definition, bool replaces)
    {
        lock (_lock)
        {
            List<object> definitions = Find(name) ?? [];
            _definitions[name] = definitions;
            if (replaces)
            {
                definitions.Clear();
            }

            definitions.Add(definition);
        }
    }

    /// <summary>Adds methods, each behind what has its name already, or in the place of that.</summary>
    public void Add(HostMethodTable methods, Func<Store, object> getTarget, bool replaces)
    {
        var table = new Table(methods, getTarget, replaces);
        lock (_lock)
        {
            foreach ((string name, object definitions) in _definitions)
            {
                AddMethods((List<object>)definitions, name, table);
            }

            _tables.Add(table);
        }
    }

    /// <summary>What has a name, in order of definition; null if nothing has.</summary>
    public List<object>? Find(string name)
    {
        lock (_lock)
        {
            if (_definitions.TryGetValue(name, out object? found))
            {
                return (List<object>)found;
            }

            List<object> definitions = [];
            foreach (Table table in _tables)
            {
                AddMethods(definitions, name, table);
            }

            if (definitions.Count == 0)
            {
                return null;
            }

            _definitions.Add(name, definitions);
            return definitions;
        }
    }

    private static void AddMethods(List<object> definitions, string name, Table table)
    {
        for (int form = 0; table.Methods.Find(name, form) is { } method; form++)
        {
            if (form == 0 && table.Replaces)
            {
                definitions.Clear();
            }

            definitions.Add(new MethodDefinition(method, table.GetTarget));
        }
    }

    private sealed record Table(HostMethodTable Methods, Func<Store, object> GetTarget, bool Replaces);
}
