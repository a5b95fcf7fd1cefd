using System.Runtime.Intrinsics;

namespace Wherry;

/// <summary>A global variable.</summary>
public sealed class Global
{
    // Compiled code reads these. Bits holds i32, i64, and floats by their bits.
    internal long Bits;
    internal object? Reference;
    internal Vector128<byte> Vector;

    internal Global(Store store, GlobalType type)
    {
        Store = store;
        Type = type;
    }

    /// <summary>A global for guests of a store to import.</summary>
    public static Global Create(Store store, GlobalType type, object? value) => throw new NotImplementedException($"{value}");

    /// <summary>Its store.</summary>
    public Store Store { get; }

    /// <summary>Its type.</summary>
    public GlobalType Type { get; }

    /// <summary>Its value, boxed: int, long, float, double, a vector or a reference.</summary>
    public object? Value
    {
        get => throw new NotImplementedException();
        set => throw new NotImplementedException();
    }
}
