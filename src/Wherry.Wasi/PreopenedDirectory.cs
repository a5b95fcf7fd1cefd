namespace Wherry.Wasi;

/// <summary>A folder of the host that a guest may reach.</summary>
/// <param name="GuestPath">The name under which the guest sees it, such as <c>/data</c> or <c>.</c>.</param>
/// <param name="HostPath">The folder on the host. It is opened once: renaming it later changes nothing for the guest.</param>
/// <param name="IsReadOnly">Whether every change is refused.</param>
public sealed record PreopenedDirectory(string GuestPath, string HostPath, bool IsReadOnly = false);
