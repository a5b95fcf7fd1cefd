namespace Wherry.Hosting;

/// <summary>A host function in a linker, not yet of any store.</summary>
/// <param name="signature">Its signature.</param>
/// <param name="delegateType">The type of what is called.</param>
/// <param name="getFunction">What the guests of a store call.</param>
internal sealed class HostDefinition(HostSignature signature, Type delegateType, Func<Store, Delegate> getFunction)
{
    public HostSignature Signature => signature;

    public Type DelegateType => delegateType;

    public Delegate GetFunction(Store store) => getFunction(store);
}
