using System.Reflection;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Wherry.Aot;
using Wherry.Compilation;

namespace Wherry.Tests.Aot;

/// <summary>What native code depends on is in its identity, all of it; and what a person is told of code that does not fit.</summary>
public sealed class CodeIdentityTests
{
    [Fact]
    public void Each_option_of_the_compiler_is_in_the_text()
    {
        ConstructorInfo constructor = typeof(CompilerOptions).GetConstructors().MaxBy(constructor => constructor.GetParameters().Length)!;
        ParameterInfo[] parameters = constructor.GetParameters();
        object?[] values = [.. parameters.Select(parameter => parameter.HasDefaultValue ? parameter.DefaultValue : false)];
        var texts = new HashSet<string> { Text(values) };
        for (int i = 0; i < parameters.Length; i++)
        {
            object?[] changed = [.. values];
            changed[i] = values[i] switch
            {
                bool flag => !flag,
                int number => number + 1,
                _ => Assert.IsAssignableFrom<object>(FuelCosts.Default),
            };
            Assert.True(texts.Add(Text(changed)), $"{parameters[i].Name} is not in the text.");
        }

        Assert.Equal(parameters.Length, typeof(CompilerOptions).GetProperties(BindingFlags.Instance | BindingFlags.Public).Length);

        string Text(object?[] arguments) => constructor.Invoke(arguments).ToString()!;
    }

    [Fact]
    public void Features_and_limits_of_modules_are_in_it()
    {
        string[] options =
        [
            Of(EngineOptions.Default),
            Of(EngineOptions.Default with { Features = WasmFeatures.Default & ~WasmFeatures.Threads }),
            Of(EngineOptions.Default with { ModuleLimits = ModuleLimits.Default with { MaximumLocals = 1_000 } }),
        ];
        Assert.Equal(options, options.Distinct());

        // Limits that are equal are the same.
        Assert.Equal(options[0], Of(new EngineOptions { ModuleLimits = new ModuleLimits() }));

        static string Of(EngineOptions options) => CodeIdentity.Of(new Engine(options), []).Options;
    }

    [Fact]
    public void The_processor_is_described_as_the_runtime_knows_it()
    {
        Assert.SkipUnless(X86Base.X64.IsSupported, "What the text of other processors says is the runtime's own.");
        string[] words = CpuFeatures.Text.Split(' ');
        Assert.Equal("x64", words[0]);

        // The runtime may be told to use less, never more.
        (string Word, bool IsUsed)[] used =
        [
            ("sse42", Sse42.IsSupported), ("popcnt", Popcnt.IsSupported), ("avx", Avx.IsSupported), ("avx2", Avx2.IsSupported), ("bmi1", Bmi1.IsSupported), ("bmi2", Bmi2.IsSupported),
            ("fma", Fma.IsSupported), ("lzcnt", Lzcnt.IsSupported), ("avx512f", Avx512F.IsSupported), ("avx512bw", Avx512BW.IsSupported), ("avx512dq", Avx512DQ.IsSupported),
            ("avx512vbmi", Avx512Vbmi.IsSupported), ("aes", Aes.IsSupported), ("pclmul", Pclmulqdq.IsSupported), ("serialize", X86Serialize.IsSupported),
        ];
        foreach ((string word, bool isUsed) in used)
        {
            Assert.True(!isUsed || words.Contains(word), $"{word} is used, but is not in \"{CpuFeatures.Text}\".");
        }
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("A=1\0DOTNET_EnableDiagnostics=0\0DOTNET_TieredPGO=0\0", "")]
    [InlineData("DOTNET_EnableAVX2=0\0A=1\0", "DOTNET_EnableAVX2=0")]
    [InlineData("A=1\0COMPlus_enablehwintrinsic=0\0GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2", "COMPlus_enablehwintrinsic=0 GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2")]
    [InlineData("DOTNET_PreferredVectorBitWidth=128\n\0", "DOTNET_PreferredVectorBitWidth=128 ")]
    public void Settings_that_hide_parts_of_the_processor_are_found(string environment, string settings) =>
        Assert.Equal(settings, ProcessorSettings.Find(Encoding.UTF8.GetBytes(environment)));

    [Fact]
    public void Options_that_differ_are_named_and_no_others()
    {
        CodeIdentity made = CodeIdentity.Of(new Engine(), "hash");
        CodeIdentity here = CodeIdentity.Of(new Engine(new EngineOptions { BoundsChecks = BoundsChecks.Explicit, Features = WasmFeatures.Wasm2, FuelCosts = new FuelCosts() }), "hash");

        string difference = made.FindDifference(here)!;

        Assert.Null(made.FindDifference(CodeIdentity.Of(new Engine(), "hash")));
        Assert.StartsWith("it was made with other options (", difference, StringComparison.Ordinal);
        Assert.Contains("GuardsMemory = True, now False", difference, StringComparison.Ordinal);
        Assert.Contains("FuelCosts = none, now ", difference, StringComparison.Ordinal);
        Assert.Contains("features = ", difference, StringComparison.Ordinal);
        Assert.DoesNotContain("MaximumModuleSize", difference, StringComparison.Ordinal);
        Assert.DoesNotContain("IsProfiled", difference, StringComparison.Ordinal);

        ModuleLimits fewer = ModuleLimits.Default with { MaximumLocals = 1_000 };
        Assert.Equal(
            "it was made with other options (MaximumLocals = 50000, now 1000)", made.FindDifference(CodeIdentity.Of(new Engine(new EngineOptions { ModuleLimits = fewer }), "hash")));
    }
}
