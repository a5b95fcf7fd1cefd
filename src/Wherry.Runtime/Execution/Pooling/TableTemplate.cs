using Wherry.Binary;
using Wherry.Compilation;
using Wherry.Types;

namespace Wherry.Execution.Pooling;

/// <summary>
/// The tables of a module that no instance can change. Their functions have no target: call_indirect passes the instance instead. So instances share the elements, unless imported functions are
/// among them, which are each instance's own.
/// </summary>
internal sealed class TableTemplate
{
    private readonly ModuleDefinition _definition;
    private readonly object?[][] _elements;
    private readonly object?[][] _droppedSegments;
    private readonly List<(int Table, int Position, int Import)> _imports = [];

    /// <exception cref="LinkException">The tables go beyond the limit of elements that each instance has.</exception>
    public TableTemplate(CompiledModule code, Function[] imports, InitialState initial, long maximumElements)
    {
        _definition = code.Definition;
        UInt128 count = 0;
        foreach ((TableType type, _) in _definition.Tables)
        {
            count += type.Minimum;
        }

        if (count > (UInt128)maximumElements)
        {
            throw new LinkException($"Tables of {count} elements go beyond the limit of {maximumElements} elements of tables (ResourceLimits.TableElements).");
        }

        _elements = Array.ConvertAll(_definition.Tables, static table => new object?[(int)table.Type.Minimum]);
        _droppedSegments = Array.ConvertAll(_definition.Elements, static _ => Array.Empty<object?>());
        var shared = new Function?[_definition.Functions.Length];
        for (int i = 0; i < _definition.Elements.Length; i++)
        {
            ElementSegment segment = _definition.Elements[i];
            if (segment.Mode != SegmentMode.Active)
            {
                continue;
            }

            object?[] elements = _elements[segment.TableIndex];
            for (int j = 0; j < segment.Count; j++)
            {
                int position = (int)initial.Elements[i] + j;
                int function = segment.Functions.Length > 0 ? segment.Functions[j] : InitialState.GetFunction(_definition, segment.Expressions[j]);
                _ = _imports.RemoveAll(import => import.Table == segment.TableIndex && import.Position == position);
                if (function >= 0 && function < imports.Length)
                {
                    _imports.Add((segment.TableIndex, position, function));
                }

                elements[position] = function < 0 ? null : shared[function] ??= function < imports.Length ? imports[function] : code.CreateShared(function);
            }
        }
    }

    public void Create(GuestInstance guest)
    {
        guest.Elements = _droppedSegments;
        if (_elements.Length == 0)
        {
            return;
        }

        var tables = new Table[_elements.Length];
        for (int i = 0; i < tables.Length; i++)
        {
            tables[i] = new Table(guest.Store, _definition.Tables[i].Type, _elements[i]);
        }

        foreach ((int table, int position, int import) in _imports)
        {
            object?[] elements = tables[table].Elements;
            if (ReferenceEquals(elements, _elements[table]))
            {
                tables[table].Elements = elements = [.. elements];
            }

            elements[position] = guest.GetFunction(import);
        }

        guest.SetTables(tables);
    }
}
