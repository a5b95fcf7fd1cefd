namespace Wherry.Text.Scripts;

/// <summary>The host's value behind <c>(ref.extern n)</c> and <c>(ref.host n)</c>.</summary>
internal sealed record HostReference(uint Number);
