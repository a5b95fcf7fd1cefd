using System.Globalization;
using System.Text;

namespace Wherry.Tests.Execution;

/// <summary>
/// A load that reaches beyond the memory's last byte traps, however little of it is used. Each guest here uses a load in another way, and is called with addresses at the
/// memory's end: where the last byte is just in bounds, and where some or all are not.
/// </summary>
public sealed class LoadWidthTests
{
    private const int End = 65_536;

    public static TheoryData<string, string, int> Loads => new()
    {
        { "i32.load8_u", "i32", 1 }, { "i32.load16_u", "i32", 2 }, { "i32.load16_s", "i32", 2 }, { "i32.load", "i32", 4 },
        { "i64.load8_s", "i64", 1 }, { "i64.load16_s", "i64", 2 }, { "i64.load32_u", "i64", 4 }, { "i64.load32_s", "i64", 4 }, { "i64.load", "i64", 8 },
        { "f32.load", "f32", 4 }, { "f64.load", "f64", 8 },
        { "v128.load", "v128", 16 }, { "v128.load8x8_s", "v128", 8 }, { "v128.load32x2_u", "v128", 8 }, { "v128.load8_splat", "v128", 1 }, { "v128.load16_splat", "v128", 2 },
        { "v128.load32_splat", "v128", 4 }, { "v128.load64_splat", "v128", 8 }, { "v128.load32_zero", "v128", 4 }, { "v128.load64_zero", "v128", 8 },
        { "v128.load16_lane 1", "v128", 2 }, { "v128.load32_lane 0", "v128", 4 }, { "v128.load64_lane 1", "v128", 8 },
    };

    [Theory]
    [MemberData(nameof(Loads))]
    public void A_load_that_is_used_in_part_or_not_at_all_traps_over_its_full_width(string load, string type, int size)
    {
        (string name, string code)[] uses = [.. UsesOfAny(load, type), .. UsesOf(type, Load(load)), .. UsesOfVectors(type, Load(load))];
        var text = new StringBuilder("(module (memory 1) (func $wrap (param i64) (result i32) (i32.wrap_i64 (local.get 0)))\n");
        foreach ((string name, string code) in uses)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"(func (export \"{name}\") (param $a i32) {code})\n");
        }

        Instance guest = Guests.Instantiate(text.Append(')').ToString());
        foreach ((string name, _) in uses)
        {
            Function function = guest.GetFunction(name)!;
            _ = function.Invoke(End - size);
            for (int address = End - size + 1; address <= End; address++)
            {
                try
                {
                    _ = function.Invoke(address);
                    Assert.Fail($"{name} of {load} did not trap at {End - address} bytes before the end.");
                }
                catch (TrapException trap)
                {
                    Assert.Equal(TrapKind.MemoryOutOfBounds, trap.Kind);
                }
            }
        }
    }

    private static string Load(string load, string address = "(local.get $a)", int offset = 0)
    {
        string[] words = load.Split(' ');
        return words.Length == 1
            ? string.Create(CultureInfo.InvariantCulture, $"({load} offset={offset} {address})")
            : string.Create(CultureInfo.InvariantCulture, $"({words[0]} offset={offset} {words[1]} {address} (v128.const i64x2 1 2))");
    }

    private static IEnumerable<(string Name, string Code)> UsesOfAny(string op, string type)
    {
        string load = Load(op);
        string zero = type == "v128" ? "(v128.const i64x2 0 0)" : $"({type}.const 0)";
        string count = "(local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const 3)))";
        yield return ("drop", $"(drop {load})");
        yield return ("set", $"(local $x {type}) (local.set $x {load})");
        yield return ("set again", $"(result {type}) (local $x {type}) (local.set $x {load}) (local.set $x {zero}) (local.get $x)");
        yield return ("set in a loop", $"(result {type}) (local $x {type}) (local $i i32) (loop $l (local.set $x {load}) {count}) (local.set $x {zero}) (local.get $x)");
        yield return ("copied in a loop", $"(result i32) (local $x {type}) (local $y {type}) (local $i i32) (local.set $x {load}) (loop $l (local.set $y (local.get $x)) (local.set $x (local.get $y)) {count}) (local.get $i)");
        yield return ("carried by a loop", $"(result i32) (local $i i32) {load} (loop $l (param {type}) (result {type}) {count}) drop (local.get $i)");
        yield return ("of a block", $"(block (result {type}) {load}) drop");
        yield return ("branched", $"(drop (block $b (result {type}) (br $b {load})))");
        yield return ("joined", $"(result {type}) (local $x {type}) (if (local.get $a) (then (local.set $x {load})) (else (local.set $x {zero}))) (if (i32.const 1) (then (local.set $x {zero}))) (local.get $x)");
        yield return ("selected by a constant", $"(result {type}) (select {zero} {load} (i32.const 1))");
        yield return ("behind a constant", $"(result {type}) (local $x {type}) (local.set $x {load}) (block $b (br_if $b (i32.const 1)) (return (local.get $x))) {zero}");

        // Others before it tell the JIT that the pointer is good.
        yield return ("beside others", $"(result i32) (local $p i32) (local.set $p (i32.sub (local.get $a) (i32.const 16))) (i32.const 0) {Beside()} (drop {Load(op, "(local.get $p)", 16)})");
        yield return ("dropped twice", $"(drop {load}) (drop {load})");

        static string Beside() => string.Concat(Enumerable.Range(0, 16).Select(i => $"(i32.load8_u offset={i} (local.get $p)) i32.add "));
    }

    private static IEnumerable<(string Name, string Code)> UsesOf(string type, string load)
    {
        if (type is "f32" or "f64")
        {
            string integer = type == "f32" ? "i32" : "i64";
            yield return ("arithmetic", $"(drop ({type}.sqrt ({type}.add {load} ({type}.const 1))))");
            yield return ("low bits", $"(result {integer}) ({integer}.and ({integer}.reinterpret_{type} {load}) ({integer}.const 255))");
            yield break;
        }

        if (type == "v128")
        {
            yield break;
        }

        yield return ("arithmetic", $"(drop ({type}.mul ({type}.add {load} ({type}.const 5)) ({type}.const 3)))");
        yield return ("and a byte", $"(result {type}) ({type}.and {load} ({type}.const 255))");
        yield return ("a byte and", $"(result {type}) ({type}.and ({type}.const 255) {load})");
        yield return ("and two bytes", $"(result {type}) ({type}.and {load} ({type}.const 65535))");
        yield return ("and a local", $"(result {type}) (local $m {type}) (local.set $m ({type}.const 255)) ({type}.and {load} (local.get $m))");
        yield return ("a shifted byte", $"(result {type}) ({type}.and ({type}.shr_u {load} ({type}.const 8)) ({type}.const 255))");
        yield return ("a shifted mask", $"(result {type}) ({type}.shr_u ({type}.shl {load} ({type}.const 24)) ({type}.const 24))");
        yield return ("remainder", $"(result {type}) ({type}.rem_u {load} ({type}.const 256))");
        yield return ("test", $"(result i32) (if (result i32) ({type}.eqz ({type}.and {load} ({type}.const 1))) (then (i32.const 4)) (else (i32.const 9)))");
        yield return ("compared byte", $"(result i32) ({type}.eq ({type}.and {load} ({type}.const 255)) ({type}.const 3))");
        yield return ("compared with itself", $"(result i32) (local $x {type}) (local.set $x {load}) ({type}.lt_s (local.get $x) (local.get $x))");
        yield return ("compared with the least", $"(result i32) ({type}.ge_u {load} ({type}.const 0))");
        yield return ("sign of a byte", $"(result {type}) ({type}.extend8_s {load})");
        yield return ("sign of two bytes", $"(result {type}) ({type}.extend16_s {load})");
        yield return ("times 0", $"(result {type}) ({type}.mul {load} ({type}.const 0))");
        yield return ("and 0", $"(result {type}) ({type}.and {load} ({type}.const 0))");
        yield return ("or all", $"(result {type}) ({type}.or {load} ({type}.const -1))");
        yield return ("less itself", $"(result {type}) (local $x {type}) (local.set $x {load}) ({type}.sub (local.get $x) (local.get $x))");
        yield return ("stored byte", $"({type}.store8 (i32.const 0) {load})");
        yield return ("converted", $"(drop (f64.convert_{type}_s {load}))");
        yield return ("empty branches", $"(if ({type}.eqz {load}) (then) (else))");
        yield return ("needless branch", $"(block $b (br_if $b ({type}.eqz {load})))");
        if (type == "i64")
        {
            yield return ("wrap", $"(result i32) (i32.wrap_i64 {load})");
            yield return ("wrapped by a function", $"(result i32) (call $wrap {load})");
            yield return ("wrapped sum", $"(result i32) (i32.wrap_i64 (i64.add {load} (i64.const 77)))");
            yield return ("wrapped product", $"(result i32) (i32.wrap_i64 (i64.mul {load} (i64.const 77)))");
            yield return ("wrapped local", "(result i32) (local $x i64) (local.set $x " + load + ") (i32.wrap_i64 (local.get $x))");
            yield return ("lower half", $"(result i64) (i64.and {load} (i64.const 0xffffffff))");
            yield return ("sign of the lower half", $"(result i64) (i64.extend32_s {load})");
            yield return ("stored half", $"(i64.store32 (i32.const 0) {load})");
            yield return ("converted half", $"(result f64) (f64.convert_i32_s (i32.wrap_i64 {load}))");
        }
    }

    private static IEnumerable<(string Name, string Code)> UsesOfVectors(string type, string load)
    {
        if (type != "v128")
        {
            yield break;
        }

        string zero = "(v128.const i64x2 0 0)";
        yield return ("first lane", $"(result i32) (i32x4.extract_lane 0 {load})");
        yield return ("last lane", $"(result i32) (i32x4.extract_lane 3 {load})");
        yield return ("first byte", $"(result i32) (i8x16.extract_lane_u 0 {load})");
        yield return ("first half", $"(result i64) (i64x2.extract_lane 0 {load})");
        yield return ("first lane replaced", $"(result v128) (i64x2.replace_lane 0 {load} (i64.const 3))");
        yield return ("last lane replaced", $"(result v128) (i64x2.replace_lane 1 {load} (i64.const 3))");
        yield return ("arithmetic", $"(drop (i32x4.add {load} (v128.const i32x4 1 2 3 4)))");
        yield return ("not", $"(drop (v128.not {load}))");
        yield return ("and 0", $"(result v128) (v128.and {load} {zero})");
        yield return ("xor itself", $"(result v128) (local $x v128) (local.set $x {load}) (v128.xor (local.get $x) (local.get $x))");
        yield return ("shuffle", $"(result v128) (i8x16.shuffle 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 {load} {zero})");
        yield return ("shuffled byte", $"(result v128) (i8x16.shuffle 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 {load} {zero})");
        yield return ("splat of a lane", $"(result v128) (i32x4.splat (i32x4.extract_lane 0 {load}))");
        yield return ("extended", $"(result v128) (i16x8.extend_low_i8x16_s {load})");
        yield return ("converted", $"(result v128) (f64x2.convert_low_i32x4_s {load})");
        yield return ("multiplied", $"(result v128) (i32x4.extmul_low_i16x8_s {load} {zero})");
        yield return ("stored byte", $"(v128.store8_lane 0 (i32.const 0) {load})");
        yield return ("stored half", $"(v128.store64_lane 0 (i32.const 0) {load})");
        yield return ("any", $"(drop (v128.any_true {load}))");
    }
}
