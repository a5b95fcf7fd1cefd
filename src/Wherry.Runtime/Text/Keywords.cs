using Wherry.Instructions;

namespace Wherry.Text;

/// <summary>The words of the text format: instructions by name, and all others, so that an unknown word can be told from a misplaced one.</summary>
internal static class Keywords
{
    private static readonly Dictionary<string, Instruction> Instructions = InstructionsByName();

    private static readonly HashSet<string> Others =
    [
        "i8", "i16", "i32", "i64", "f32", "f64", "v128", "funcref", "externref", "anyref", "eqref", "i31ref", "structref", "arrayref",
        "nullref", "nullfuncref", "nullexternref", "exnref", "nullexnref", "any", "eq", "i31", "extern", "exn", "none", "nofunc",
        "noextern", "noexn", "null", "mut", "ref", "exact", "descriptor", "describes", "shared", "pagesize", "offset", "item",
        "type", "rec", "sub", "final", "func", "struct", "array", "field", "param", "result", "local", "then", "do", "catch_ref", "catch_all_ref",
        "module", "import", "export", "table", "memory", "global", "tag", "elem", "data", "start", "declare",
        "i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2",
        "binary", "quote", "definition", "instance", "register", "invoke", "get", "thread", "wait", "either",
        "nan:canonical", "nan:arithmetic", "ref.extern", "ref.host", "ref.any", "ref.struct", "ref.array", "ref.exn",
        "assert_return", "assert_trap", "assert_exception", "assert_exhaustion", "assert_malformed", "assert_malformed_custom",
        "assert_invalid", "assert_invalid_custom", "assert_unlinkable", "assert_suspension", "ref.test", "ref.cast", "ref.cast_desc_eq",
    ];

    /// <summary>The instruction of that name; of several encodings of one name, the first.</summary>
    public static Instruction? Find(ReadOnlySpan<byte> name)
    {
        Span<char> characters = stackalloc char[64];
        if (name.Length > characters.Length)
        {
            return null;
        }

        for (int i = 0; i < name.Length; i++)
        {
            characters[i] = (char)name[i];
        }

        Dictionary<string, Instruction>.AlternateLookup<ReadOnlySpan<char>> lookup = Instructions.GetAlternateLookup<ReadOnlySpan<char>>();
        return lookup.TryGetValue(characters[..name.Length], out Instruction? instruction) ? instruction : null;
    }

    public static bool IsKnown(string word) =>
        Instructions.ContainsKey(word) || Others.Contains(word) || word.StartsWith("offset=", StringComparison.Ordinal) || word.StartsWith("align=", StringComparison.Ordinal);

    private static Dictionary<string, Instruction> InstructionsByName()
    {
        var map = new Dictionary<string, Instruction>();
        foreach (Instruction instruction in InstructionTable.All)
        {
            map.TryAdd(instruction.Name, instruction);
        }

        return map;
    }
}
