using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Wherry.Aot;

/// <summary>What native code may ask of a processor, as text: code runs only where the text is the same as where it was compiled.</summary>
internal static class CpuFeatures
{
    public static string Text { get; } = Describe();

    private static string Describe()
    {
        (string Name, bool Has)[] features =
        [
            ("sse42", Sse42.IsSupported), ("popcnt", Popcnt.IsSupported), ("avx", Avx.IsSupported), ("avx2", Avx2.IsSupported), ("bmi1", Bmi1.IsSupported),
            ("bmi2", Bmi2.IsSupported), ("fma", Fma.IsSupported), ("lzcnt", Lzcnt.IsSupported), ("avx512f", Avx512F.IsSupported),
            ("avx512bw", Avx512BW.IsSupported), ("avx512dq", Avx512DQ.IsSupported), ("avx512vbmi", Avx512Vbmi.IsSupported), ("avx10", Avx10v1.IsSupported),
            ("aes", Aes.IsSupported), ("pclmul", Pclmulqdq.IsSupported), ("serialize", X86Serialize.IsSupported), ("vector512", Vector512.IsHardwareAccelerated),
        ];
        return string.Join(' ', [RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(), .. features.Where(feature => feature.Has).Select(feature => feature.Name)]);
    }
}
