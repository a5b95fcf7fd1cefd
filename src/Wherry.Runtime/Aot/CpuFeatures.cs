using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace Wherry.Aot;

/// <summary>What native code may ask of a processor, as text: code runs only where the text is the same as where it was compiled.</summary>
internal static class CpuFeatures
{
    public static string Text { get; } = Describe();

    private static string Describe()
    {
        var text = new StringBuilder(RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => "x64",
            Architecture.Arm64 => "arm64",
            var other => other.ToString().ToLowerInvariant(),
        });
        Add("sse42", Sse42.IsSupported);
        Add("popcnt", Popcnt.IsSupported);
        Add("avx", Avx.IsSupported);
        Add("avx2", Avx2.IsSupported);
        Add("bmi1", Bmi1.IsSupported);
        Add("bmi2", Bmi2.IsSupported);
        Add("fma", Fma.IsSupported);
        Add("lzcnt", Lzcnt.IsSupported);
        Add("avx512f", Avx512F.IsSupported);
        Add("avx512bw", Avx512BW.IsSupported);
        Add("avx512dq", Avx512DQ.IsSupported);
        Add("avx512vbmi", Avx512Vbmi.IsSupported);
        Add("avx10", Avx10v1.IsSupported);
        Add("aes", Aes.IsSupported);
        Add("pclmul", Pclmulqdq.IsSupported);
        Add("serialize", X86Serialize.IsSupported);
        Add("vector512", Vector512.IsHardwareAccelerated);
        return text.ToString();

        void Add(string name, bool isSupported)
        {
            if (isSupported)
            {
                _ = text.Append(' ').Append(name);
            }
        }
    }
}
