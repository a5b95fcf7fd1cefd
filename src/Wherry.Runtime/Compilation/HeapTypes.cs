using System.Reflection;
using System.Runtime.Intrinsics;
using Wherry.Execution.Heap;
using Wherry.Types;

namespace Wherry.Compilation;

/// <summary>The CLR classes of structs and arrays, and where their fields lie.</summary>
internal static class HeapTypes
{
    private static readonly Type[] StructTypes =
    [
        typeof(GuestStruct), typeof(GuestStruct<>), typeof(GuestStruct<,>), typeof(GuestStruct<,,>), typeof(GuestStruct<,,,>), typeof(GuestStruct<,,,,>),
        typeof(GuestStruct<,,,,,>), typeof(GuestStruct<,,,,,,>), typeof(GuestStruct<,,,,,,,>), typeof(GuestStruct<,,,,,,,,>),
        typeof(GuestStruct<,,,,,,,,,>), typeof(GuestStruct<,,,,,,,,,,>), typeof(GuestStruct<,,,,,,,,,,,>), typeof(GuestStruct<,,,,,,,,,,,,>),
        typeof(GuestStruct<,,,,,,,,,,,,,>), typeof(GuestStruct<,,,,,,,,,,,,,,>), typeof(GuestStruct<,,,,,,,,,,,,,,,>),
    ];

    /// <summary>How a field or element is stored.</summary>
    public static Type Storage(FieldType field) => field.Packing switch
    {
        Packing.I8 => typeof(byte),
        Packing.I16 => typeof(ushort),
        _ => ClrTypes.Of(field.Type.Kind),
    };

    /// <summary>How an element of an array is stored, as the type that its cells are made of.</summary>
    public static Type ElementStorage(FieldType element) => element.Type.IsReference ? typeof(Reference) : Storage(element);

    /// <summary>The class of a struct type.</summary>
    public static Type OfStruct(DefinedType type)
    {
        int inline = Math.Min(type.Fields.Length, GuestStruct.InlineFields);
        bool isLong = type.Fields.Length > inline;
        var arguments = new Type[isLong ? inline + 1 : inline];
        for (int i = 0; i < inline; i++)
        {
            arguments[i] = Storage(type.Fields[i]);
        }

        if (isLong)
        {
            arguments[inline] = typeof(object);
        }

        Type definition = StructTypes[arguments.Length];
        return arguments.Length == 0 ? definition : definition.MakeGenericType(arguments);
    }

    /// <summary>The member for a field that is not among the extra ones, by the class of the level that has it.</summary>
    public static FieldInfo Member(DefinedType type, int index)
    {
        const BindingFlags Own = BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly;
        Type level = OfStruct(type);
        string name = $"Field{index}";
        FieldInfo? field;
        while ((field = level.GetField(name, Own)) is null)
        {
            level = level.BaseType!;
        }

        return field;
    }

    /// <summary>The bytes that a struct takes: header, method table, type and fields.</summary>
    public static long StructBytes(DefinedType type)
    {
        const long Header = 16;
        const long ExtraObject = 32 + 24 + 24;
        long bytes = Header + sizeof(int);
        foreach (FieldType field in type.Fields.AsSpan()[..Math.Min(type.Fields.Length, GuestStruct.InlineFields)])
        {
            Type storage = Storage(field);
            long size = storage == typeof(byte) ? 1 : storage == typeof(ushort) ? 2 : storage == typeof(int) || storage == typeof(float) ? 4 : storage == typeof(Vector128<byte>) ? 16 : 8;
            bytes = Align(bytes, Math.Min(size, 8)) + size;
        }

        int extra = LongGuestStruct.ExtraFields(type.Fields.Length);
        if (extra > 0)
        {
            bytes = Align(bytes, 8) + 8 + ExtraObject + (extra * (8L + 16L));
        }

        return Align(bytes, 8);
    }

    private static long Align(long bytes, long alignment) => (bytes + alignment - 1) & -alignment;
}
