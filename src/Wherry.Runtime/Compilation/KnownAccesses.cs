namespace Wherry.Compilation;

/// <summary>
/// Which accesses to a memory can't trap, since others that the code has passed on every way here have reached as far: memories never shrink. Values are known by the local that
/// they were read from, as long as it is not set again, and by a constant added to them. Where a block ends, or its other branch starts, what was known at its start is known.
/// </summary>
internal sealed class KnownAccesses(int localCount)
{
    private readonly (int Origin, int Distance, int Since)[] _locals = new (int, int, int)[localCount];
    private readonly Dictionary<(int Origin, int Distance), ulong> _extents = [];

    // What extents were before they grew, 0 if they weren't known.
    private readonly List<((int Origin, int Distance) Value, ulong Extent)> _changes = [];
    private readonly List<(int Start, int Changes)> _open = [];

    // Times of blocks that have ended, none in another: what locals were set to in between is not known.
    private readonly List<(int Start, int End)> _ended = [];
    private int _origins;
    private int _now = 1;
    private int _forgotten;

    /// <summary>The value that a local has now.</summary>
    public (int Origin, int Distance) Get(int local)
    {
        if (_locals[local].Origin == 0 || !IsKnown(_locals[local].Since))
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
        Extend((origin, distance), end);
        if (distance > 0 && _extents.TryGetValue((origin, 0), out ulong extent) && extent > (ulong)distance)
        {
            Extend((origin, 0), Math.Max(extent, (ulong)distance + end));
        }
    }

    /// <summary>A block starts. Of a loop, what locals hold that are set in it must be forgotten then.</summary>
    public void Open() => _open.Add((++_now, _changes.Count));

    public void ForgetLocals(ReadOnlySpan<int> locals)
    {
        foreach (int local in locals)
        {
            _locals[local] = default;
        }
    }

    /// <summary>Code starts that may come from anywhere in the innermost block, or from its start.</summary>
    public void Restart()
    {
        (int start, int changes) = _open[^1];
        for (int i = _changes.Count - 1; i >= changes; i--)
        {
            if (_changes[i].Extent == 0)
            {
                _ = _extents.Remove(_changes[i].Value);
            }
            else
            {
                _extents[_changes[i].Value] = _changes[i].Extent;
            }
        }

        _changes.RemoveRange(changes, _changes.Count - changes);
        while (_ended.Count > 0 && _ended[^1].Start >= start)
        {
            _ended.RemoveAt(_ended.Count - 1);
        }

        _ended.Add((start, _now));
        _now++;
    }

    /// <summary>The innermost block ends.</summary>
    /// <param name="isJoin">Whether code may come there from elsewhere in it.</param>
    public void Close(bool isJoin)
    {
        if (_open.Count == 0)
        {
            return;
        }

        if (isJoin)
        {
            Restart();
        }

        _open.RemoveAt(_open.Count - 1);
    }

    /// <summary>Locals may have been set to anything.</summary>
    public void Forget() => _forgotten = _now++;

    private bool IsKnown(int since)
    {
        if (since <= _forgotten)
        {
            return false;
        }

        // The last that started no later.
        int low = 0;
        int high = _ended.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_ended[middle].Start <= since)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low == 0 || _ended[low - 1].End < since;
    }

    private void Extend((int Origin, int Distance) value, ulong extent)
    {
        _changes.Add((value, _extents.GetValueOrDefault(value)));
        _extents[value] = extent;
    }
}
