using Wherry.Types;

namespace Wherry.Hosting;

/// <summary>A host function in a linker, not yet of any store.</summary>
internal abstract class HostDefinition
{
    /// <summary>Whether it returns tasks.</summary>
    public abstract bool IsAsynchronous { get; }

    /// <summary>Whether it can stand for an import of this type.</summary>
    public abstract bool Fits(FunctionType type);

    /// <summary>The type that it has unless an import says otherwise.</summary>
    public abstract FunctionType GetDefaultType();

    /// <summary>What compiled code calls to reach it as a function of a guest's type, which it fits.</summary>
    public abstract HostAdapter GetAdapter(DefinedType type);

    /// <summary>What the adapter calls for the guests of a store.</summary>
    public abstract object GetCallee(Store store);
}

/// <summary>A host function that is a delegate.</summary>
/// <param name="signature">Its signature.</param>
/// <param name="delegateType">The type of what is called.</param>
/// <param name="getFunction">What the guests of a store call.</param>
internal sealed class DelegateDefinition(HostSignature signature, Type delegateType, Func<Store, Delegate> getFunction) : HostDefinition
{
    public override bool IsAsynchronous => signature.IsAsynchronous;

    public override bool Fits(FunctionType type) => signature.Fits(type);

    public override FunctionType GetDefaultType() => signature.GetDefaultType();

    public override HostAdapter GetAdapter(DefinedType type) => DelegateAdapters.Get(delegateType, signature, type);

    public override object GetCallee(Store store) => getFunction(store);
}

/// <summary>A host function whose adapter was written when its assembly was built.</summary>
/// <param name="method">The method.</param>
/// <param name="getTarget">The object whose method it is, for a store.</param>
internal sealed class MethodDefinition(HostMethod method, Func<Store, object> getTarget) : HostDefinition
{
    public override bool IsAsynchronous => method.Adapter.IsAsynchronous;

    public override bool Fits(FunctionType type) => method.Fits(type);

    public override FunctionType GetDefaultType() => method.GetDefaultType();

    public override HostAdapter GetAdapter(DefinedType type) => method.Adapter;

    public override object GetCallee(Store store) => getTarget(store);
}
