namespace Wherry.Fuzz.Differential;

/// <summary>
/// The JIT's profile of the engine's own methods, which it uses when it inlines them into guests' code: other code comes out. The command does without, embedders have it by default. So every other
/// process of a run uses it, with the engine jitted as theirs is, unless the environment says what all are to do.
/// </summary>
internal static class JitProfile
{
    /// <summary>How many modules a process runs.</summary>
    public const int ModulesInTurn = 250;

    private const string Switch = "DOTNET_TieredPGO";

    private static readonly string? s_given = Environment.GetEnvironmentVariable(Switch);

    /// <summary>Whether the process that runs a module uses it.</summary>
    public static bool IsUsed(int module) => s_given is null ? module / ModulesInTurn % 2 == 1 : s_given != "0";

    /// <summary>What such a process has in its environment besides.</summary>
    public static (string Name, string Value)[] GetEnvironment(int module) => s_given is null && IsUsed(module) ? [(Switch, "1"), ("DOTNET_ReadyToRunExcludeList", "Wherry.Runtime;Wherry.Wasi")] : [];
}
