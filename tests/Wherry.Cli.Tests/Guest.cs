namespace Wherry.Cli.Tests;

/// <summary>The guests in the folder Guests, which has their sources.</summary>
internal static class Guest
{
    /// <summary>Does what its first argument says.</summary>
    public static string Probe { get; } = At("probe.wasm");

    /// <summary>A reactor with functions of several types.</summary>
    public static string Functions { get; } = At("functions.wasm");

    public static string Twice { get; } = At("twice.wasm");

    public static string NeedsTwice { get; } = At("needs-twice.wasm");

    public static string NeedsEscape { get; } = At("needs-escape.wasm");

    private static string At(string name) => Path.Combine(Repository.Root, "tests", "Wherry.Cli.Tests", "Guests", name);
}
