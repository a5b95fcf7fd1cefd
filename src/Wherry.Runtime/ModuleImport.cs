namespace Wherry;

/// <summary>Something that a module needs from outside.</summary>
/// <param name="Module">The first name.</param>
/// <param name="Name">The second name.</param>
/// <param name="Type">What it is.</param>
public sealed record ModuleImport(string Module, string Name, ExternalType Type);
