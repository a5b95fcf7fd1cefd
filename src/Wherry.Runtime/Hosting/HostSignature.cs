using System.Reflection;

namespace Wherry.Hosting;

/// <summary>A host function's parameters and results, without what the engine adds.</summary>
internal sealed class HostSignature
{
    private HostSignature(MethodInfo invoke)
    {
        Invoke = invoke;
        Type[] parameters = [.. invoke.GetParameters().Select(parameter => parameter.ParameterType)];
        TakesCaller = parameters.Length > 0 && parameters[0] == typeof(Caller);
        TakesToken = parameters.Length > 0 && parameters[^1] == typeof(CancellationToken);
        Parameters = parameters[(TakesCaller ? 1 : 0)..(parameters.Length - (TakesToken ? 1 : 0))];
        ResultType = invoke.ReturnType;
        if (ResultType == typeof(ValueTask))
        {
            IsAsynchronous = true;
            ResultType = typeof(void);
        }
        else if (ResultType.IsGenericType && ResultType.GetGenericTypeDefinition() == typeof(ValueTask<>))
        {
            IsAsynchronous = true;
            ResultType = ResultType.GetGenericArguments()[0];
        }

        Results = TupleTypes.GetResults(ResultType);
    }

    /// <summary>The delegate's method.</summary>
    public MethodInfo Invoke { get; }

    public bool TakesCaller { get; }

    public bool TakesToken { get; }

    public bool IsAsynchronous { get; }

    /// <summary>The guest's arguments.</summary>
    public Type[] Parameters { get; }

    /// <summary>What the guest gets: void, one, or a tuple.</summary>
    public Type ResultType { get; }

    public Type[] Results { get; }

    /// <exception cref="ArgumentException">No guest could call it.</exception>
    public static HostSignature Of(Type delegateType)
    {
        MethodInfo invoke = delegateType.GetMethod("Invoke")!;
        var signature = new HostSignature(invoke);
        foreach (Type type in signature.Parameters.Concat(signature.Results))
        {
            if (ValueConversion.GetDefault(type) is null)
            {
                throw new ArgumentException(
                    $"A host function can't have {SignatureText.Describe(type)} in its signature, which is {SignatureText.Describe(invoke)}. Use int or uint for i32, long or ulong for "
                    + "i64, float, double, Vector128<byte>, object or Function for references, a tuple for several results; Caller may come first and CancellationToken last.",
                    nameof(delegateType));
            }
        }

        return signature;
    }

    /// <summary>Whether it can stand for an import of this type.</summary>
    public bool Fits(FunctionType type)
    {
        if (Parameters.Length != type.Parameters.Length || Results.Length != type.Results.Length)
        {
            return false;
        }

        for (int i = 0; i < Parameters.Length; i++)
        {
            if (!ValueConversion.Fits(Parameters[i], type.Parameters[i]))
            {
                return false;
            }
        }

        for (int i = 0; i < Results.Length; i++)
        {
            if (!ValueConversion.Fits(Results[i], type.Results[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The type that it has unless an import says otherwise.</summary>
    public FunctionType GetDefaultType() =>
        new(Parameters.Select(type => ValueConversion.GetDefault(type)!.Value), Results.Select(type => ValueConversion.GetDefault(type)!.Value));
}
