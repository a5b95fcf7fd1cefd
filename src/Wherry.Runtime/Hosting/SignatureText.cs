using System.Reflection;
using Wherry.Compilation;

namespace Wherry.Hosting;

/// <summary>Signatures for messages, as a .NET developer writes them.</summary>
internal static class SignatureText
{
    public static string Describe(FunctionType type) =>
        $"{Describe(ClrTypes.OfResults(type.Results))} ({string.Join(", ", type.Parameters.Select(parameter => Describe(ClrTypes.Of(parameter.Kind))))})";

    public static string Describe(MethodInfo method) =>
        $"{Describe(method.ReturnType)} ({string.Join(", ", method.GetParameters().Select(parameter => Describe(parameter.ParameterType)))})";

    public static string Describe(Type type)
    {
        if (TupleTypes.GetElements(type) is Type[] elements)
        {
            return $"({string.Join(", ", elements.Select(Describe))})";
        }

        if (type.IsGenericType)
        {
            string name = type.Name;
            int end = name.IndexOf('`', StringComparison.Ordinal);
            return $"{(end < 0 ? name : name[..end])}<{string.Join(", ", type.GetGenericArguments().Select(Describe))}>";
        }

        return Type.GetTypeCode(type) switch
        {
            TypeCode.Int32 => "int",
            TypeCode.UInt32 => "uint",
            TypeCode.Int64 => "long",
            TypeCode.UInt64 => "ulong",
            TypeCode.Single => "float",
            TypeCode.Double => "double",
            TypeCode.Boolean => "bool",
            TypeCode.Byte => "byte",
            TypeCode.String => "string",
            _ => type == typeof(void) ? "void" : type == typeof(object) ? "object" : type.Name,
        };
    }
}
