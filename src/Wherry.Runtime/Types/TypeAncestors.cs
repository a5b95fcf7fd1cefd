using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Wherry.Types;

/// <summary>
/// The supertypes of every struct and array type of the process, as numbers that compiled code compares. Each type has a row: how many supertypes it has, then
/// they by depth, ending with itself. A type's identity is the place of its row. Rows stay when types go, and no identity is given twice: an object may
/// outlive all who know its type.
/// </summary>
internal sealed class TypeAncestors
{
    /// <summary>Each row has room for so many: up to this depth a cast need not look at how long the row is.</summary>
    public const int AlwaysPresent = 7;

    public static readonly TypeAncestors Instance = new();

    private int _used = 1 + AlwaysPresent;

    /// <summary>The rows. When they grow, another array takes their place before anybody learns of a type in the new part.</summary>
    public int[] Rows = new int[1024];

    private TypeAncestors()
    {
    }

    /// <summary>Gives a type its row. Its supertype has one already.</summary>
    public void Add(DefinedType type)
    {
        int length = 1 + Math.Max(type.Ancestors.Length, AlwaysPresent);
        int[] rows = Rows;
        if (_used + length > rows.Length)
        {
            Array.Resize(ref rows, checked(Math.Max(rows.Length * 2, _used + length)));
        }

        type.Identity = _used;
        rows[_used] = type.Depth;
        for (int i = 0; i < type.Ancestors.Length; i++)
        {
            rows[_used + 1 + i] = type.Ancestors[i].Identity;
        }

        _used += length;
        Volatile.Write(ref Rows, rows);
    }

    /// <summary>Whether one type is the other or below it, both by identity, the other one less deep than <see cref="AlwaysPresent"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsSubtype(int identity, int other, int otherDepth)
    {
        // Identities only come from Add, so that the row is there and has room for the depth.
        return Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Rows), (nint)(uint)identity + 1 + otherDepth) == other;
    }

    /// <summary>The same for any depth.</summary>
    public bool IsSubtypeAtAnyDepth(int identity, int other, int otherDepth) => Rows[identity] >= otherDepth && Rows[identity + 1 + otherDepth] == other;
}
