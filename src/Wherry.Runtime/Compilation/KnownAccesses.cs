namespace Wherry.Compilation;

/// <summary>
/// Which accesses to a memory can't trap, since others before them have reached as far: memories never shrink. Values are known by the local that
/// they were read from, as long as it is not set again, and by a constant added to them. What is known holds until control flow joins.
/// </summary>
internal sealed class KnownAccesses(int localCount)
{
    private readonly (int Origin, int Distance, int Since)[] _locals = new (int, int, int)[localCount];
    private readonly Dictionary<(int Origin, int Distance), ulong> _extents = [];
    private int _origins;
    private int _now = 1;

    /// <summary>The value that a local has now.</summary>
    public (int Origin, int Distance) Get(int local)
    {
        if (_locals[local].Since != _now)
        {
            _locals[local] = (++_origins, 0, _now);
        }

        return (_locals[local].Origin, _locals[local].Distance);
    }

    /// <summary>A local was set, to a value that is known if the origin is not 0.</summary>
    public void Set(int local, int origin, int distance) => _locals[local] = origin == 0 ? default : (origin, distance, _now);

    /// <summary>Whether an access is known to be in bounds.</summary>
    /// <param name="end">Where it ends, seen from the value.</param>
    public bool Contains(int origin, int distance, ulong end) =>
        (_extents.TryGetValue((origin, distance), out ulong extent) && extent >= end)

        // What lies in the memory has an address below 2^32, so that nothing wrapped around.
        || (distance > 0 && _extents.TryGetValue((origin, 0), out extent) && extent >= (ulong)distance + end);

    public void Add(int origin, int distance, ulong end)
    {
        _extents[(origin, distance)] = end;
        if (distance > 0 && _extents.TryGetValue((origin, 0), out ulong extent) && extent > (ulong)distance)
        {
            _extents[(origin, 0)] = Math.Max(extent, (ulong)distance + end);
        }
    }

    /// <summary>From here on code may come from where nothing is known.</summary>
    public void Forget()
    {
        _now++;
        _extents.Clear();
    }
}
