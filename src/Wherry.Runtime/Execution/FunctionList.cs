namespace Wherry.Execution;

/// <summary>Functions by index, of which an instance mostly needs few: in pieces, so that a module's thousands of functions don't make each of its instances large.</summary>
internal struct FunctionList
{
    private const int PieceLog2 = 5;
    private const int PieceMask = (1 << PieceLog2) - 1;

    private Function?[]?[]? _pieces;

    public readonly Function? Get(int index) => _pieces?[index >> PieceLog2]?[index & PieceMask];

    /// <summary>The index of a function, or -1.</summary>
    public readonly int IndexOf(Function function)
    {
        for (int i = 0; i < _pieces?.Length; i++)
        {
            int found = _pieces[i] is { } piece ? Array.IndexOf(piece, function) : -1;
            if (found >= 0)
            {
                return (i << PieceLog2) + found;
            }
        }

        return -1;
    }

    public Function Set(int index, int count, Function function)
    {
        _pieces ??= new Function?[]?[(count + PieceMask) >> PieceLog2];
        Function?[] piece = _pieces[index >> PieceLog2] ??= new Function?[1 << PieceLog2];
        return piece[index & PieceMask] = function;
    }
}
