using System.Text;
using Wherry.Text;
using Wherry.Text.Scripts;

namespace Wherry.Fuzz.Robustness;

/// <summary>Finds the modules in files and folders: *.wasm, *.wat, *.wast and all modules in the latter.</summary>
internal static class SeedCollection
{
    private static readonly string[] Extensions = [".wasm", ".wat", ".wast"];

    /// <param name="largest">Files and modules with more bytes are left out.</param>
    public static List<Seed> Collect(IEnumerable<string> paths, int largest)
    {
        List<Seed> seeds = [];
        foreach (string path in paths)
        {
            IEnumerable<string> files = Directory.Exists(path)
                ? Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Where(file => Extensions.Contains(Path.GetExtension(file))).Order(StringComparer.Ordinal)
                : [path];
            foreach (string file in files)
            {
                Add(seeds, file, largest);
            }
        }

        return seeds;
    }

    private static void Add(List<Seed> seeds, string file, int largest)
    {
        string name = Path.GetFileName(file);
        byte[] bytes = File.ReadAllBytes(file);
        bool fits = bytes.Length <= largest;
        switch (Path.GetExtension(file))
        {
            case ".wasm" when fits:
                seeds.Add(new Seed(InputKind.Binary, name, bytes));
                break;
            case ".wat" when fits:
                seeds.Add(new Seed(InputKind.Text, name, bytes));
                break;
            case ".wast":
                if (fits)
                {
                    seeds.Add(new Seed(InputKind.Script, name, bytes));
                }

                AddModules(seeds, name, bytes, largest);
                break;
        }
    }

    private static void AddModules(List<Seed> seeds, string name, byte[] script, int largest)
    {
        ScriptCommand[] commands;
        try
        {
            commands = ScriptParser.Parse(new TextSource(script, name));
        }
        catch (TextFormatException)
        {
            return;
        }

        foreach (ScriptCommand command in commands)
        {
            ModuleSource? source = command switch
            {
                ModuleCommand module => module.Source,
                AssertRejectedCommand rejected => rejected.Source,
                AssertTrapCommand trap => trap.Source,
                _ => null,
            };
            if (source is QuotedModuleSource quoted && quoted.Text.Length <= largest)
            {
                seeds.Add(new Seed(InputKind.Text, name, quoted.Text));
            }

            if (source is not null && TryEncode(source) is byte[] bytes && bytes.Length <= largest)
            {
                seeds.Add(new Seed(InputKind.Binary, name, bytes));
                if (TryPrint(bytes) is string text && text.Length <= largest)
                {
                    seeds.Add(new Seed(InputKind.Text, name, Encoding.UTF8.GetBytes(text)));
                }
            }
        }
    }

    private static byte[]? TryEncode(ModuleSource source)
    {
        try
        {
            return source.ToBytes(WatOptions.Default with { EmitNames = true });
        }
        catch (TextFormatException)
        {
            return null;
        }
    }

    private static string? TryPrint(byte[] module)
    {
        try
        {
            return WatConverter.ToText(module);
        }
        catch (MalformedModuleException)
        {
            return null;
        }
    }
}
