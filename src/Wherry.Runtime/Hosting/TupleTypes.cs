using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace Wherry.Hosting;

/// <summary>Several results as one <see cref="ValueTuple"/>: seven, and the rest as a tuple in the eighth.</summary>
internal static class TupleTypes
{
    /// <summary>The element types, in order, through nested rests; null if it is no tuple.</summary>
    public static Type[]? GetElements(Type type)
    {
        if (!type.IsValueType || !type.IsGenericType || !typeof(ITuple).IsAssignableFrom(type))
        {
            return null;
        }

        Type[] arguments = type.GetGenericArguments();
        if (arguments.Length < 8)
        {
            return arguments;
        }

        return GetElements(arguments[7]) is Type[] rest ? [.. arguments[..7], .. rest] : null;
    }

    /// <summary>The types that a function's .NET result stands for: none, one, or a tuple's elements.</summary>
    public static Type[] GetResults(Type type) => type == typeof(void) ? [] : GetElements(type) ?? [type];

    /// <summary>Loads an element of the tuple whose address is on the stack.</summary>
    public static void EmitLoadElement(ILGenerator generator, Type tuple, int index)
    {
        while (index >= 7)
        {
            FieldInfo rest = tuple.GetField("Rest")!;
            generator.Emit(OpCodes.Ldflda, rest);
            tuple = rest.FieldType;
            index -= 7;
        }

        generator.Emit(OpCodes.Ldfld, tuple.GetField($"Item{index + 1}")!);
    }

    /// <summary>Makes a tuple of elements that are loaded one after the other.</summary>
    public static void EmitCreate(ILGenerator generator, Type tuple, Action<int> loadElement, int start = 0)
    {
        Type[] arguments = tuple.GetGenericArguments();
        for (int i = 0; i < Math.Min(arguments.Length, 7); i++)
        {
            loadElement(start + i);
        }

        if (arguments.Length == 8)
        {
            EmitCreate(generator, arguments[7], loadElement, start + 7);
        }

        generator.Emit(OpCodes.Newobj, tuple.GetConstructor(arguments)!);
    }
}
