using Wherry.Types;

namespace Wherry;

/// <summary>A function of a guest or of the host, and a value that guests may hold (funcref).</summary>
public sealed unsafe class Function
{
    // Compiled code reads these three and calls Code(arguments…, Target). They never change: another thread could see a torn pair.
    internal readonly nint Code;
    internal readonly object Target;
    internal readonly int TypeNumber;

    internal readonly DefinedType DefinedType;

    internal Function(DefinedType type, nint code, object target)
    {
        Code = code;
        Target = target;
        TypeNumber = type.Number;
        DefinedType = type;
    }

    /// <summary>Its parameters and results.</summary>
    public FunctionType Type => DefinedType.Function!;

    /// <summary>Calls it with boxed values; <see cref="As{T}"/> is far faster.</summary>
    /// <returns>The results.</returns>
    public object?[] Invoke(params ReadOnlySpan<object?> arguments) => throw new NotImplementedException($"{arguments.Length}");

    /// <summary>A delegate that calls it without boxing or allocation.</summary>
    /// <typeparam name="T">A delegate type with the function's signature: int or uint for i32, long or ulong for i64, object for references, a tuple for several results.</typeparam>
    /// <exception cref="ArgumentException">The signatures differ.</exception>
    public T As<T>()
        where T : Delegate => throw new NotImplementedException();

    /// <summary>Calls it on a thread of its own.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <param name="cancellationToken">Interrupts the call.</param>
    public Task<object?[]> CallAsync(object?[] arguments, CancellationToken cancellationToken = default) => throw new NotImplementedException();
}
