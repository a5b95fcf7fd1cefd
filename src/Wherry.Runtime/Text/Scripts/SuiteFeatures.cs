namespace Wherry.Text.Scripts;

/// <summary>
/// The features that a script of the official suite takes for granted. The proposals contradict each other and the specification:
/// the threads proposal, for one, was written before there could be several memories, and asserts that a second one is invalid.
/// </summary>
internal static class SuiteFeatures
{
    private static readonly Dictionary<string, WasmFeatures> Proposals = new()
    {
        ["threads"] = (WasmFeatures.Wasm2 & ~(WasmFeatures.Simd | WasmFeatures.ReferenceTypes)) | WasmFeatures.Threads,
        ["custom-page-sizes"] = WasmFeatures.Wasm3 | WasmFeatures.CustomPageSizes,
        ["wide-arithmetic"] = WasmFeatures.Wasm3 | WasmFeatures.WideArithmetic,
        ["custom-descriptors"] = WasmFeatures.Wasm3 | WasmFeatures.CustomDescriptors,
    };

    /// <summary>WebAssembly 3.0, with legacy exceptions below <c>legacy/</c>, and a set of its own for each folder of <c>proposals/</c>.</summary>
    public static WasmFeatures OfPath(string path) => Group(path) switch
    {
        "core" => WasmFeatures.Wasm3,
        "legacy" => WasmFeatures.Wasm3 | WasmFeatures.LegacyExceptions,
        string proposal => Proposals.GetValueOrDefault(proposal, WasmFeatures.Wasm3),
    };

    /// <summary>The part of the suite that a script belongs to: a proposal's name, <c>legacy</c> or <c>core</c>.</summary>
    public static string Group(string path)
    {
        string[] parts = path.Split('/', '\\');
        int proposals = Array.LastIndexOf(parts, "proposals");
        if (proposals >= 0 && proposals + 2 < parts.Length)
        {
            return parts[proposals + 1];
        }

        return parts.Length > 1 && parts[^2] == "legacy" ? "legacy" : "core";
    }
}
