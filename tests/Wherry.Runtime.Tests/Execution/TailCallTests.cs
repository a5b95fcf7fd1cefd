namespace Wherry.Tests.Execution;

/// <summary>Tail calls take no stack.</summary>
public sealed class TailCallTests
{
    private const string Mutual = """
        (module
          (type $few (func (param i64) (result i64)))
          (table funcref (elem $even $odd $many))
          (func $even (export "even") (param i64) (result i64)
            (if (result i64) (i64.eqz (local.get 0))
              (then (i64.const 1))
              (else (return_call $odd (i64.sub (local.get 0) (i64.const 1))))))
          (func $odd (param i64) (result i64)
            (if (result i64) (i64.eqz (local.get 0))
              (then (i64.const 0))
              (else (return_call $even (i64.sub (local.get 0) (i64.const 1))))))
          (func $many (export "indirect") (param i64) (result i64)
            (if (result i64) (i64.eqz (local.get 0))
              (then (i64.const 5))
              (else (return_call_indirect (type $few) (i64.sub (local.get 0) (i64.const 1)) (i32.const 2)))))
          (func $wide (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
            (if (result i64) (i64.eqz (local.get 0))
              (then (local.get 9))
              (else (return_call $narrow (i64.sub (local.get 0) (i64.const 1)) (local.get 9)))))
          (func $narrow (export "grow") (param i64 i64) (result i64)
            (return_call $wide (local.get 0) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)
              (i64.const 8) (i64.add (local.get 1) (i64.const 1)))))
        """;

    [Fact]
    public void A_hundred_million_mutual_calls_run_in_constant_stack() =>
        Assert.Equal(1, Guests.Instantiate(Mutual, BoundsChecks.Guard).GetFunction<Func<long, long>>("even")!(100_000_000));

    [Fact]
    public void Indirect_calls_do_too() =>
        Assert.Equal(5, Guests.Instantiate(Mutual, BoundsChecks.Guard).GetFunction<Func<long, long>>("indirect")!(3_000_000));

    [Fact]
    public void And_calls_of_functions_with_more_parameters_than_the_caller() =>
        Assert.Equal(1_000_001, Guests.Instantiate(Mutual, BoundsChecks.Guard).GetFunction<Func<long, long, long>>("grow")!(1_000_000, 0));
}
