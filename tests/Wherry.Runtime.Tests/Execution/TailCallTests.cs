namespace Wherry.Tests.Execution;

/// <summary>Tail calls take no stack.</summary>
public sealed class TailCallTests
{
    // Small functions are written in place of calls to them, but not if they divide.
    private const string Apart = "(drop (i64.div_s (local.get 0) (i64.const 3)))";

    private static string Mutual(string work) => $"""
        (module
          (type $few (func (param i64) (result i64)))
          (table funcref (elem $even $odd $many))
          (func $even (export "even") (param i64) (result i64) {work}
            (if (result i64) (i64.eqz (local.get 0))
              (then (i64.const 1))
              (else (return_call $odd (i64.sub (local.get 0) (i64.const 1))))))
          (func $odd (param i64) (result i64) {work}
            (if (result i64) (i64.eqz (local.get 0))
              (then (i64.const 0))
              (else (return_call $even (i64.sub (local.get 0) (i64.const 1))))))
          (func $many (export "indirect") (param i64) (result i64)
            (if (result i64) (i64.eqz (local.get 0))
              (then (i64.const 5))
              (else (return_call_indirect (type $few) (i64.sub (local.get 0) (i64.const 1)) (i32.const 2)))))
          (func $wide (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64) {work}
            (if (result i64) (i64.eqz (local.get 0))
              (then (local.get 9))
              (else (return_call $narrow (i64.sub (local.get 0) (i64.const 1)) (local.get 9)))))
          (func $narrow (export "grow") (param i64 i64) (result i64) {work}
            (return_call $wide (local.get 0) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)
              (i64.const 8) (i64.add (local.get 1) (i64.const 1))))

          ;; Three in turn, one of which goes on with itself; the last returns two values.
          (func $first (export "three") (param i64 i64) (result i64 i64) {work}
            (if (i64.eqz (local.get 0)) (then (return (local.get 1) (i64.const 1))))
            (return_call $second (local.get 1) (i64.sub (local.get 0) (i64.const 1))))
          (func $second (param i64 i64) (result i64 i64) (local i64) {work}
            (local.set 2 (i64.add (local.get 2) (i64.const 7)))
            (if (i64.eqz (local.get 1)) (then (return (local.get 0) (local.get 2))))
            (if (i64.eqz (i64.and (local.get 1) (i64.const 3)))
              (then (return_call $second (local.get 0) (i64.sub (local.get 1) (i64.const 1)))))
            (return_call $third (i64.sub (local.get 1) (i64.const 1)) (local.get 0)))
          (func $third (param i64 i64) (result i64 i64) {work}
            (block $out (result i64 i64)
              (br_if $out (local.get 1) (i64.const 3) (i64.eqz (local.get 0)))
              (drop)
              (return_call $first (i64.sub (local.get 0) (i64.const 1)))))

          ;; Called with operands under it, from a function that goes on.
          (func (export "within") (param i64) (result i64)
            (i64.add (local.get 0) (i64.mul (i64.const 10) (call $even (local.tee 0 (i64.add (local.get 0) (i64.const 1)))))))

          ;; More parameters than the function whose frame it would be in has.
          (func $relay (param i64) (result i64)
            (return_call $wide (local.get 0) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8) (i64.const 9)))
          (func (export "relay") (param i64) (result i64) (return_call $relay (local.get 0))))
        """;

    public static TheoryData<string> Works => ["", Apart];

    [Theory]
    [MemberData(nameof(Works))]
    public void A_hundred_million_mutual_calls_run_in_constant_stack(string work) =>
        Assert.Equal(1, Guests.Instantiate(Mutual(work), BoundsChecks.Guard).GetFunction<Func<long, long>>("even")!(100_000_000));

    [Fact]
    public void Indirect_calls_do_too() =>
        Assert.Equal(5, Guests.Instantiate(Mutual(""), BoundsChecks.Guard).GetFunction<Func<long, long>>("indirect")!(3_000_000));

    [Theory]
    [MemberData(nameof(Works))]
    public void And_calls_of_functions_with_more_parameters_than_the_caller(string work) =>
        Assert.Equal(1_000_001, Guests.Instantiate(Mutual(work), BoundsChecks.Guard).GetFunction<Func<long, long, long>>("grow")!(1_000_000, 0));

    [Fact]
    public void Functions_written_in_place_of_tail_calls_do_what_the_calls_would_do()
    {
        Instance inlined = Guests.Instantiate(Mutual(""), BoundsChecks.Guard);
        Instance apart = Guests.Instantiate(Mutual(Apart), BoundsChecks.Guard);
        for (long i = 0; i < 50; i++)
        {
            foreach (string name in new[] { "even", "within", "relay" })
            {
                Assert.Equal(apart.GetFunction<Func<long, long>>(name)!(i), inlined.GetFunction<Func<long, long>>(name)!(i));
            }

            Assert.Equal(apart.GetFunction<Func<long, long, (long, long)>>("three")!(i, 2 * i), inlined.GetFunction<Func<long, long, (long, long)>>("three")!(i, 2 * i));
        }
    }

    // One module has a tag, the other has none: what the first throws, it returns.
    private const string Tagged = """
        (module
          (type $f (func (param i64) (result i64)))
          (import "table" "table" (table 4 funcref))
          (tag $done (param i64))
          (elem (i32.const 0) func $here $catching)
          (func $here (export "here") (type $f)
            (if (i64.eqz (local.get 0)) (then (throw $done (i64.const 7))))
            (return_call_indirect (type $f) (i64.sub (local.get 0) (i64.const 1)) (i32.const 2)))
          (func $catching (export "catching") (type $f)
            (block $caught (result i64)
              (try_table (result i64) (catch $done $caught) (call_indirect (type $f) (local.get 0) (i32.const 2))))))
        """;

    private const string Untagged = """
        (module
          (type $f (func (param i64) (result i64)))
          (import "table" "table" (table 4 funcref))
          (import "tagged" "here" (func $there (type $f)))
          (elem declare func $imported $looked_up $referred_to)
          (func $imported (type $f) (return_call $there (local.get 0)))
          (func $looked_up (type $f) (return_call_indirect (type $f) (local.get 0) (i32.const 0)))
          (func $referred_to (type $f) (return_call_ref $f (local.get 0) (ref.as_non_null (ref.cast (ref null $f) (table.get (i32.const 0))))))
          (func $calling (export "calling") (type $f) (i64.add (call $looked_up (local.get 0)) (i64.const 1)))
          (func $through (export "through") (type $f) (i64.add (call_indirect (type $f) (local.get 0) (i32.const 1)) (i64.const 1)))
        """;

    public static TheoryData<string> Ways => ["imported", "looked_up", "referred_to"];

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_hundred_million_calls_back_and_forth_between_a_module_with_tags_and_one_without_run_in_constant_stack(string way)
    {
        var store = new Store(Guests.Engine(BoundsChecks.Guard));
        var linker = new Linker(Guests.Engine(BoundsChecks.Guard));
        linker.DefineInstance("table", linker.Instantiate(store, Guests.Load("""(module (table (export "table") 4 funcref))""")));
        Instance tagged = linker.Instantiate(store, Guests.Load(Tagged));
        linker.DefineInstance("tagged", tagged);
        Instance untagged = linker.Instantiate(store, Guests.Load($"{Untagged} (elem (i32.const 2) func ${way}))"));

        Assert.Equal(7, tagged.GetFunction<Func<long, long>>("catching")!(50_000_000));
        Assert.Equal(8, untagged.GetFunction<Func<long, long>>("through")!(3));
        WasmException thrown = Assert.Throws<WasmException>(() => untagged.GetFunction<Func<long, long>>("calling")!(3));
        Assert.Equal([7L], thrown.Values);
        Assert.Throws<WasmException>(() => tagged.GetFunction<Func<long, long>>("here")!(3));
    }
}
