namespace Wherry.Hosting;

/// <summary>A host function in a linker, not yet of any store.</summary>
internal sealed record HostDefinition(Delegate Function, HostSignature Signature);
