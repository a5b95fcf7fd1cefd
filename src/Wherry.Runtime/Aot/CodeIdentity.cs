using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Wherry.Aot;

/// <summary>All that native code depends on. Code runs only where each part is the same, to the letter.</summary>
/// <param name="Module">The SHA-256 of the module.</param>
/// <param name="Engine">The identity of the engine's build: native code knows where its objects keep their fields.</param>
/// <param name="Runtime">The .NET runtime's version and the identity of its build.</param>
/// <param name="System">The operating system.</param>
/// <param name="Processor">What the processor can do.</param>
/// <param name="Options">What the engine was told and what the system offers.</param>
internal sealed record CodeIdentity(string Module, string Engine, string Runtime, string System, string Processor, string Options)
{
    private const string DefaultLimits = "ModuleLimits { }";

    /// <summary>Names it in the cache.</summary>
    public string Key => Hexadecimal.Format(SHA256.HashData(Encoding.UTF8.GetBytes(ToText())));

    public static CodeIdentity Of(Engine engine, ReadOnlySpan<byte> module) => Of(engine, Hexadecimal.Format(SHA256.HashData(module)));

    /// <param name="engine">The engine.</param>
    /// <param name="moduleHash">The module's SHA-256.</param>
    public static CodeIdentity Of(Engine engine, string moduleHash) => new(
        moduleHash,
        Build(typeof(CodeIdentity)),
        string.Concat(Describe(Environment.Version), " ", Build(typeof(object))),
        RuntimeInformation.RuntimeIdentifier,
        CpuFeatures.Text,
        Describe(engine));

    /// <summary>One part on each line.</summary>
    public string ToText() => string.Join('\n', (string[])[Module, Engine, Runtime, System, Processor, Options]);

    public static CodeIdentity? FromText(string text) =>
        SplitLines(text) is [var module, var engine, var runtime, var system, var processor, var options]
            ? new CodeIdentity(module, engine, runtime, system, processor, options)
            : null;

    /// <summary>What differs, for a person; null if nothing does.</summary>
    public string? FindDifference(CodeIdentity here) =>
        Module != here.Module ? "it was made from another module than the one that it carries"
        : Engine != here.Engine ? $"it was made by another build of Wherry ({Engine}, this is {here.Engine})"
        : Runtime != here.Runtime ? $"it was made for another .NET runtime ({Runtime}, this is {here.Runtime})"
        : System != here.System ? $"it was made for another system ({System}, this is {here.System})"
        : Processor != here.Processor ? $"it was made for another processor ({Processor}; this one has {here.Processor})"
        : Options != here.Options ? $"it was made with other options ({OptionDifferences.List(Spell(Options), Spell(here.Options))})"
        : null;

    // The framework's own method looks for separators by vectors, which takes a millisecond when it is first used.
    private static List<string> SplitLines(string text)
    {
        List<string> lines = [];
        int start = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            if (i == text.Length || text[i] == '\n')
            {
                lines.Add(text[start..i]);
                start = i + 1;
            }
        }

        return lines;
    }

    private static string Build(Type type)
    {
        Span<byte> identity = stackalloc byte[16];
        _ = type.Module.ModuleVersionId.TryWriteBytes(identity);
        return Hexadecimal.Format(identity);
    }

    // Without the framework's formatting, of which the runtime has to prepare a dozen methods.
    private static string Describe(Version version) => string.Concat((string[])[AsciiText.OfNumber(version.Major), ".", AsciiText.OfNumber(version.Minor), ".", AsciiText.OfNumber(version.Build)]);

    // For a person; the engine's build is the same.
    private static string Spell(string options) => options.Replace(DefaultLimits, ModuleLimits.Default.ToString(), StringComparison.Ordinal);

    private static string Describe(Engine engine)
    {
        Span<byte> features = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(features, (ulong)engine.Options.Features);

        // What the default limits are follows from the engine's build. Records print all of their properties, those to come too.
        ModuleLimits limits = engine.Options.ModuleLimits;
        return string.Concat((string[])[engine.CompilerOptions.ToString(), " ", Hexadecimal.Format(features), " ", limits == ModuleLimits.Default ? DefaultLimits : limits.ToString()]);
    }
}
