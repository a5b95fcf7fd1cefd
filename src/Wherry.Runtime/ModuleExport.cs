namespace Wherry;

/// <summary>Something that a module gives to the outside.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">What it is.</param>
public sealed record ModuleExport(string Name, ExternalType Type);
