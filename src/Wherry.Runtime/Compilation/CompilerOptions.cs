namespace Wherry.Compilation;

/// <summary>What the compiler must know of the system that its code will run on.</summary>
/// <param name="GuardsMemory">Whether accesses beyond a 32-bit memory fault, so that they need no check.</param>
/// <param name="HasSafepointPages">Whether interruption makes pages unreadable; if not, loop heads look at a byte.</param>
/// <param name="FuelCosts">What instructions take of the fuel, or null to count nothing.</param>
/// <param name="IsDeterministic">Whether relaxed vector instructions give the same results on every processor.</param>
/// <param name="OutlinesLargeFunctions">Whether functions that RyuJIT would not optimize as a whole become several methods.</param>
/// <param name="IsReproducible">Whether all ways of execution do the same to the bit: NaNs are canonical, and the depth of calls is bounded by the sizes of Wasm's frames.</param>
/// <param name="IsProfiled">Whether function entries, loop heads and calls of imports look whether a sample of the stack is wanted.</param>
/// <param name="IsInterruptible">Whether loop heads look for an interruption.</param>
/// <param name="IsPausable">Whether the same places look whether the guest is to wait.</param>
/// <param name="DivisionFactor">For tests: how many times smaller functions are that become several methods.</param>
internal sealed record CompilerOptions(
    bool GuardsMemory, bool HasSafepointPages, bool IsDeterministic = false, bool OutlinesLargeFunctions = true, FuelCosts? FuelCosts = null, bool IsReproducible = false,
    bool IsProfiled = false,
    bool IsInterruptible = true,
    bool IsPausable = false,
    int DivisionFactor = 1)
{
    /// <summary>All of it, as a record's text: saved code is used only where that is the same. (The text that a record makes by itself takes a millisecond when it is first asked for.)</summary>
    public override string ToString() => string.Concat((string[])
    [
        "CompilerOptions { GuardsMemory = ", Text(GuardsMemory),
        ", HasSafepointPages = ", Text(HasSafepointPages),
        ", IsDeterministic = ", Text(IsDeterministic),
        ", OutlinesLargeFunctions = ", Text(OutlinesLargeFunctions),
        ", FuelCosts = ", FuelCosts is null ? "" : FuelCosts.ToString(),
        ", IsReproducible = ", Text(IsReproducible),
        ", IsProfiled = ", Text(IsProfiled),
        ", IsInterruptible = ", Text(IsInterruptible),
        ", IsPausable = ", Text(IsPausable),
        ", DivisionFactor = ", AsciiText.OfNumber(DivisionFactor), " }",
    ]);

    private static string Text(bool value) => value ? "True" : "False";
}
