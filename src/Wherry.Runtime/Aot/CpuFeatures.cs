using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Arm = System.Runtime.Intrinsics.Arm;

namespace Wherry.Aot;

/// <summary>
/// What native code may ask of a processor, as text: code runs only where the text is the same as where it was compiled. It is what the processor and the system say, not what the runtime makes
/// of it: a method that asks the runtime is left to the JIT, which takes two milliseconds at start. Settings that keep the runtime from using something belong to it: with other ones, the runtime would leave
/// native methods to the JIT without a word, and those may be such as must not be compiled on the guest's stack.
/// </summary>
internal static unsafe partial class CpuFeatures
{
    public static string Text { get; } = RuntimeInformation.ProcessArchitecture is Architecture.X64 ? DescribeX64() : DescribeOther();

    private static string DescribeX64()
    {
        string settings = ProcessorSettings.Find();
        string text = DescribeX64(hasSettings: settings.Length > 0);
        return settings.Length > 0 ? string.Concat(text, " ", settings) : text;
    }

    // The bits are those of CPUID (Intel's manual, volume 2; AMD's, volume 3, appendix E).
    private static string DescribeX64(bool hasSettings)
    {
        string text = "x64";
        ReadX64(hasSettings, out Registers basic, out Registers structured, out Registers moreStructured, out Registers extended, out int state);
        Add("pclmul", basic.C, 1);
        Add("fma", basic.C, 12);
        Add("sse42", basic.C, 20);
        Add("movbe", basic.C, 22);
        Add("popcnt", basic.C, 23);
        Add("aes", basic.C, 25);
        Add("avx", basic.C, 28);
        Add("lzcnt", extended.C, 5);
        Add("bmi1", structured.B, 3);
        Add("avx2", structured.B, 5);
        Add("bmi2", structured.B, 8);
        Add("avx512f", structured.B, 16);
        Add("avx512dq", structured.B, 17);
        Add("avx512ifma", structured.B, 21);
        Add("avx512cd", structured.B, 28);
        Add("sha", structured.B, 29);
        Add("avx512bw", structured.B, 30);
        Add("avx512vl", structured.B, 31);
        Add("avx512vbmi", structured.C, 1);
        Add("avx512vbmi2", structured.C, 6);
        Add("gfni", structured.C, 8);
        Add("vaes", structured.C, 9);
        Add("vpclmul", structured.C, 10);
        Add("avx512vnni", structured.C, 11);
        Add("avx512bitalg", structured.C, 12);
        Add("avx512vpopcntdq", structured.C, 14);
        Add("avx512vp2intersect", structured.D, 8);
        Add("serialize", structured.D, 14);
        Add("avx512fp16", structured.D, 23);
        Add("avxvnni", moreStructured.A, 4);
        Add("avx512bf16", moreStructured.A, 5);
        Add("avxifma", moreStructured.A, 23);
        Add("avxvnniint8", moreStructured.D, 4);
        Add("avxvnniint16", moreStructured.D, 10);
        Add("avx10", moreStructured.D, 19);
        Add("apx", moreStructured.D, 21);
        return string.Concat(text, " state", AsciiText.OfNumber(state));

        void Add(string name, int register, int bit)
        {
            if (((register >> bit) & 1) != 0)
            {
                text = string.Concat(text, " ", name);
            }
        }
    }

    /// <param name="hasSettings">Whether the C library may have been told to hide something.</param>
    /// <param name="state">Tells which registers the system keeps for programs.</param>
    private static void ReadX64(bool hasSettings, out Registers basic, out Registers structured, out Registers moreStructured, out Registers extended, out int state)
    {
        // The C library has asked when the process began, and takes no JIT to tell. Its order: <sys/platform/x86.h>.
        // (Another C library has no such function. That is told by two letters, since the framework searches texts by vectors, which take a millisecond to load.)
        if (!hasSettings && RuntimeInformation.RuntimeIdentifier is ['l', _, _, _, _, '-', not 'm', ..])
        {
            try
            {
                // Sound: a structure that lasts, of four registers and what of them can be used.
                basic = __x86_get_cpuid_feature_leaf(0)[1];
                structured = __x86_get_cpuid_feature_leaf(1)[1];
                extended = __x86_get_cpuid_feature_leaf(2)[1];

                // As the processor says it: of these, an older C library does not know all.
                moreStructured = __x86_get_cpuid_feature_leaf(6)[0];
                state = 0;
                return;
            }
            catch (EntryPointNotFoundException)
            {
                // Older than 2.33.
            }
        }

        AskX64(out basic, out structured, out moreStructured, out extended, out state);
    }

    private static void AskX64(out Registers basic, out Registers structured, out Registers moreStructured, out Registers extended, out int state)
    {
        int highest = Ask(0, 0, 0).A;
        uint highestExtended = (uint)Ask(unchecked((int)0x80000000), 0, 0).A;
        basic = Ask(1, 0, highest);
        structured = Ask(7, 0, highest);
        moreStructured = structured.A >= 1 ? Ask(7, 1, highest) : default;
        extended = highestExtended > 0x80000000 ? Ask(unchecked((int)0x80000001), 0, 0) : default;
        state = Ask(0xD, 0, highest).B & int.MaxValue;
    }

    private static Registers Ask(int function, int subfunction, int highest)
    {
        if (function > highest)
        {
            return default;
        }

        (int a, int b, int c, int d) = X86Base.CpuId(function, subfunction);
        return new Registers { A = a, B = b, C = c, D = d };
    }

    private static string DescribeOther()
    {
        string text = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        Add("aes", Arm.Aes.IsSupported);
        Add("crc32", Arm.Crc32.IsSupported);
        Add("dp", Arm.Dp.IsSupported);
        Add("rdm", Arm.Rdm.IsSupported);
        Add("sha1", Arm.Sha1.IsSupported);
        Add("sha256", Arm.Sha256.IsSupported);
        string settings = ProcessorSettings.Find();
        return settings.Length > 0 ? string.Concat(text, " ", settings) : text;

        void Add(string name, bool isSupported)
        {
            if (isSupported)
            {
                text = string.Concat(text, " ", name);
            }
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Registers
    {
        public int A;
        public int B;
        public int C;
        public int D;
    }

#pragma warning disable IDE1006, SA1300 // The C library's name.
    [LibraryImport("libc")]
    private static partial Registers* __x86_get_cpuid_feature_leaf(uint leaf);
#pragma warning restore IDE1006, SA1300
}
