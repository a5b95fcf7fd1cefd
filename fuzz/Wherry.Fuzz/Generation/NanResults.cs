using Wherry.Instructions;

namespace Wherry.Fuzz.Generation;

/// <summary>Which instructions may give a NaN of any sign and payload: what they give is made the same on all engines.</summary>
internal static class NanResults
{
    private static readonly string[] Operators =
    [
        "add", "sub", "mul", "div", "min", "max", "sqrt", "ceil", "floor", "trunc", "nearest", "demote_f64", "promote_f32", "demote_f64x2_zero", "promote_low_f32x4",
        "relaxed_min", "relaxed_max", "relaxed_madd", "relaxed_nmadd",
    ];

    public static bool MayBeNan(Instruction instruction) =>
        instruction.Name.Split('.') is [var type, var name] && type is "f32" or "f64" or "f32x4" or "f64x2" && Operators.Contains(name);
}
