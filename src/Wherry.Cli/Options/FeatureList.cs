using System.Text;
using Wherry.Binary;

namespace Wherry.Cli.Options;

/// <summary>Reads <c>--features</c>: names of proposals, with a minus to switch one off, or a whole version.</summary>
internal static class FeatureList
{
    /// <summary>All that the engine knows.</summary>
    public static WasmFeatures All { get; } = Enum.GetValues<WasmFeatures>().Aggregate((left, right) => left | right);

    private static readonly (string Name, WasmFeatures Value)[] Sets =
    [
        ("wasm1", WasmFeatures.None), ("wasm2", WasmFeatures.Wasm2), ("wasm3", WasmFeatures.Wasm3), ("default", WasmFeatures.Default),
        ("all", All),
    ];

    public static WasmFeatures Parse(string text)
    {
        WasmFeatures features = WasmFeatures.Default;
        foreach (string word in text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries))
        {
            string name = word.TrimStart('+', '-');
            if (Array.FindIndex(Sets, set => set.Name == name) is var index and >= 0 && word[0] is not ('+' or '-'))
            {
                features = Sets[index].Value;
            }
            else if (Find(name) is { } feature)
            {
                features = word[0] == '-' ? features & ~feature : features | feature;
            }
            else
            {
                throw new FormatException(
                    $"--features: there is no '{word}'. Known: {string.Join(", ", Sets.Select(set => set.Name))}, {string.Join(", ", Names(All))}; -NAME switches one off.");
            }
        }

        return features;
    }

    /// <summary>The names of single proposals in a set, as messages of the engine have them: multi-memory, gc.</summary>
    public static IEnumerable<string> Names(WasmFeatures features) =>
        Enum.GetValues<WasmFeatures>().Where(value => IsSingle(value) && (features & value) != 0).Select(FeatureSet.NameOf);

    /// <summary>What <see cref="Parse"/> reads as exactly these.</summary>
    public static string Format(WasmFeatures features) => string.Join(',', Names(features).Prepend("wasm1"));

    private static WasmFeatures? Find(string name)
    {
        foreach (WasmFeatures value in Enum.GetValues<WasmFeatures>())
        {
            // By the proposal's name, or by that of the library.
            if (IsSingle(value) && (FeatureSet.NameOf(value) == name || Kebab(value.ToString()) == name))
            {
                return value;
            }
        }

        return null;
    }

    private static bool IsSingle(WasmFeatures value) => int.PopCount((int)value) == 1;

    private static string Kebab(string name)
    {
        var kebab = new StringBuilder();
        foreach (char letter in name)
        {
            if (char.IsAsciiLetterUpper(letter) && kebab.Length > 0)
            {
                kebab.Append('-');
            }

            kebab.Append(char.ToLowerInvariant(letter));
        }

        return kebab.ToString();
    }
}
