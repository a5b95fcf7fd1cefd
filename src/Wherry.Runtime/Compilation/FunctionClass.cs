using System.Reflection.Emit;

namespace Wherry.Compilation;

/// <summary>A class that holds some functions of a module.</summary>
internal sealed class FunctionClass(int number, int first, int count)
{
    /// <summary>The class, once it is complete.</summary>
    public Type? Created;

    /// <summary>A method for each function, once signatures are defined.</summary>
    public MethodBuilder[]? Methods;

    public int Number { get; } = number;

    /// <summary>The index of the first function.</summary>
    public int First { get; } = first;

    public int Count { get; } = count;

    public TypeBuilder? Builder { get; set; }

    /// <summary>The bodies of large functions, apart from the methods that are called.</summary>
    public Dictionary<int, MethodBuilder>? Bodies { get; set; }
}
