namespace Wherry.Fuzz.Generation;

/// <summary>What a generated module may use, and how large it becomes.</summary>
/// <param name="HasGarbageCollection">Structs, arrays, i31, typed function references.</param>
/// <param name="HasLegacyExceptions">The older form of exceptions in place of exnref: no module may mix them in V8.</param>
/// <param name="HasThreads">Memory 0 is shared.</param>
/// <param name="HasWideArithmetic">128-bit arithmetic, which V8 lacks.</param>
/// <param name="HasSmallPages">Memory 0 has pages of one byte, which V8 lacks.</param>
/// <param name="Is64Bit">Memory 0 and table 0 have 64-bit addresses.</param>
/// <param name="CanBeLeft">No exceptions, and no tail calls of what may be any function: where those are, guests that wait keep their thread.</param>
/// <param name="IsPlain">Nothing beyond WebAssembly 2.0 and what <c>wasm-tools mutate</c> reads.</param>
internal sealed record GeneratorOptions(
    bool HasGarbageCollection,
    bool HasLegacyExceptions,
    bool HasThreads,
    bool HasWideArithmetic,
    bool HasSmallPages,
    bool Is64Bit,
    bool CanBeLeft,
    bool IsPlain)
{
    public bool HasExceptions => !IsPlain && !CanBeLeft;

    public static GeneratorOptions Pick(Randomness random, bool isPlain, bool isBeyondV8) => new(
        HasGarbageCollection: !isPlain && !random.OneIn(5),
        HasLegacyExceptions: random.OneIn(4),
        HasThreads: !isPlain && random.OneIn(3),
        HasWideArithmetic: isBeyondV8,
        HasSmallPages: isBeyondV8 && random.OneIn(3),
        Is64Bit: !isPlain && random.OneIn(4),
        CanBeLeft: random.OneIn(3),
        IsPlain: isPlain);
}
