using System.Runtime.CompilerServices;
using Wherry.Types;

namespace Wherry.Execution.Heap;

/// <summary>
/// A struct with more fields than the generic classes hold. Fields from <see cref="GuestStruct.InlineFields"/> on stand in two arrays, by index:
/// references in one, the bits of everything else in the other (sixteen bytes each). Tables of methods look like this; they are few and live long.
/// </summary>
internal static class LongGuestStruct
{
    /// <summary>The number of array slots that a struct of this many fields needs.</summary>
    public static int ExtraFields(int fields) => Math.Max(0, fields - GuestStruct.InlineFields);

    /// <summary>The arrays of a long struct: its sixteenth member holds this object.</summary>
    internal sealed class Extra(int count)
    {
        public readonly object?[] References = new object?[count];
        public readonly UInt128[] Bits = new UInt128[count];
    }

    public static object? GetReference(object extra, int slot) => Unsafe.As<Extra>(extra).References[slot];

    public static void SetReference(object extra, object? value, int slot) => Unsafe.As<Extra>(extra).References[slot] = value;

    /// <summary>The field as a place in memory, to be read or written with its own type.</summary>
    public static ref T Bits<T>(object extra, int slot) => ref Unsafe.As<UInt128, T>(ref Unsafe.As<Extra>(extra).Bits[slot]);
}
