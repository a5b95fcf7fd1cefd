namespace Wherry.Diagnostics;

/// <summary>The call stacks that were sampled: a node for each function in each place where it was called.</summary>
internal sealed class ProfileTree
{
    public const int Root = 0;

    private readonly Dictionary<(int Parent, Module Module, int Function), int> _children = [];
    private readonly List<(int Parent, Module? Module, int Function)> _nodes = [(-1, null, 0)];

    public int Count => _nodes.Count;

    public (int Parent, Module? Module, int Function) this[int node] => _nodes[node];

    /// <summary>The node of a function that is called from another one.</summary>
    public int Enter(int parent, Module module, int function)
    {
        if (!_children.TryGetValue((parent, module, function), out int node))
        {
            node = _nodes.Count;
            _nodes.Add((parent, module, function));
            _children.Add((parent, module, function), node);
        }

        return node;
    }
}
