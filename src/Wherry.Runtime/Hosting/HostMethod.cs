namespace Wherry.Hosting;

/// <summary>A method that guests may call, with the adapter that Wherry.Generators wrote for it.</summary>
/// <param name="parameters">The guest's arguments, a letter each: i and l for integers of 32 and 64 bits, f and d for floats.</param>
/// <param name="result">What the guest gets: nothing or a letter.</param>
/// <param name="code">The adapter: it takes the arguments and a <see cref="HostFunction"/>, whose callee is the object whose method it is.</param>
/// <param name="isAsynchronous">Whether the method returns a task of an int.</param>
internal sealed unsafe class HostMethod(string parameters, string result, nint code, bool isAsynchronous)
{
    public HostAdapter Adapter { get; } = new(code, isAsynchronous ? (nint)(delegate*<object, int>)&HostFunction.ResumeForInt : 0);

    /// <summary>Whether it can stand for an import of this type.</summary>
    public bool Fits(FunctionType type)
    {
        if (type.Parameters.Length != parameters.Length || type.Results.Length != result.Length)
        {
            return false;
        }

        for (int i = 0; i < parameters.Length; i++)
        {
            if (type.Parameters[i].Kind != KindOf(parameters[i]))
            {
                return false;
            }
        }

        return result.Length == 0 || type.Results[0].Kind == KindOf(result[0]);
    }

    /// <summary>The type that it has.</summary>
    public FunctionType GetDefaultType() => new(parameters.Select(TypeOf), result.Select(TypeOf));

    private static WasmValueType TypeOf(char letter) => letter switch
    {
        'i' => WasmValueType.I32,
        'l' => WasmValueType.I64,
        'f' => WasmValueType.F32,
        _ => WasmValueType.F64,
    };

    private static WasmValueKind KindOf(char letter) => letter switch
    {
        'i' => WasmValueKind.I32,
        'l' => WasmValueKind.I64,
        'f' => WasmValueKind.F32,
        _ => WasmValueKind.F64,
    };
}
