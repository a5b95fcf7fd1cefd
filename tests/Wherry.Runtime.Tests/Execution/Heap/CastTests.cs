using System.Globalization;
using System.Text;
using Wherry.Tests.Execution;

namespace Wherry.Tests.Execution.Heap;

/// <summary>Casts among many types, and deep ones.</summary>
public sealed class CastTests
{
    // The specification allows 63 supertypes above a type.
    private const int Deepest = 63;

    [Fact]
    public void A_type_is_told_from_each_of_its_supertypes_and_subtypes()
    {
        Instance guest = Guests.Instantiate(Chain());
        Func<int, int, int> test = guest.GetFunction<Func<int, int, int>>("test")!;
        Func<int, int, int> cast = guest.GetFunction<Func<int, int, int>>("cast")!;
        for (int type = 0; type <= Deepest; type++)
        {
            for (int wanted = 0; wanted <= Deepest; wanted++)
            {
                Assert.Equal(wanted <= type ? 1 : 0, test(type, wanted));
            }

            Assert.Equal(type, cast(type, type));
            if (type < Deepest)
            {
                Assert.Equal(TrapKind.CastFailure, Assert.Throws<TrapException>(() => cast(type, type + 1)).Kind);
            }
        }
    }

    [Fact]
    public void Types_that_come_later_are_told_apart_by_code_that_was_there_before()
    {
        const string First = """
            (module
              (type $base (sub (struct (field i32))))
              (type $below (sub $base (struct (field i32 i32))))
              (func (export "is") (param (ref $base)) (result i32) (ref.test (ref $below) (local.get 0)))
              (func (export "make") (result (ref $base)) (struct.new $below (i32.const 1) (i32.const 2))))
            """;
        Instance first = Guests.Instantiate(First);
        Function isBelow = first.GetFunction("is")!;
        Assert.Equal(1, isBelow.Invoke(first.GetFunction("make")!.Invoke()[0])[0]);
        for (int i = 0; i < 300; i++)
        {
            string later = string.Create(CultureInfo.InvariantCulture, $"""
                (module
                  (type $base (sub (struct (field i32))))
                  (type $below (sub $base (struct (field i32 i32))))
                  (rec
                    (type $other (sub $base (struct (field i32 i64))))
                    (type (struct {string.Concat(Enumerable.Repeat("(field i32)", i % 20))} {string.Concat(Enumerable.Repeat("(field f64)", i / 20))})))
                  (func (export "other") (result (ref $base)) (struct.new $other (i32.const 1) (i64.const 2)))
                  (func (export "below") (result (ref $base)) (struct.new $below (i32.const 1) (i32.const 2))))
                """);
            Instance second = new Linker(first.Store.Engine).Instantiate(first.Store, Guests.Load(later));
            Assert.Equal(0, isBelow.Invoke(second.GetFunction("other")!.Invoke()[0])[0]);
            Assert.Equal(1, isBelow.Invoke(second.GetFunction("below")!.Invoke()[0])[0]);
        }
    }

    [Fact]
    public void The_host_s_arrays_are_not_the_guest_s()
    {
        Instance guest = Guests.Instantiate("""
            (module
              (type $ints (array (mut i32)))
              (type $bytes (array (mut i8)))
              (type $references (array (mut anyref)))
              (func (export "is") (param externref) (result i32)
                (local anyref)
                (local.set 1 (any.convert_extern (local.get 0)))
                (i32.or (ref.test (ref array) (local.get 1)) (i32.or (ref.test (ref $ints) (local.get 1))
                  (i32.or (ref.test (ref $bytes) (local.get 1)) (i32.or (ref.test (ref $references) (local.get 1)) (ref.test (ref eq) (local.get 1)))))))
              (func (export "ints") (result externref) (extern.convert_any (array.new_fixed $ints 2 (i32.const 1) (i32.const 2)))))
            """);
        Function isArray = guest.GetFunction("is")!;
        foreach (object value in new object[] { new int[4], new byte[40], new object[3], new string[2], "text", new long[1], Array.Empty<int>() })
        {
            Assert.Equal(0, isArray.Invoke(value)[0]);
        }

        Assert.Equal(1, isArray.Invoke(guest.GetFunction("ints")!.Invoke()[0])[0]);
    }

    [Fact]
    public void An_array_of_numbers_is_no_array_of_references()
    {
        // An element has the bits that another array has where its type is.
        Instance guest = Guests.Instantiate("""
            (module
              (type $floats (array f32)) (type $bytes (array i8)) (type $references (array anyref)) (type $longs (array i64))
              (func (export "references") (param i32) (result i32)
                (ref.test (ref $references) (array.new_fixed $floats 2 (f32.reinterpret_i32 (local.get 0)) (f32.const 2))))
              (func (export "floats") (param i32) (result i32)
                (local $array (ref null $references))
                (local.set $array (array.new_default $references (local.get 0)))
                (i32.or (ref.test (ref $floats) (local.get $array)) (i32.or (ref.test (ref $bytes) (local.get $array)) (ref.test (ref $longs) (local.get $array)))))
              (type $empty (struct))
              (func (export "never") (result i32) (array.len (ref.cast (ref null array) (struct.new $empty)))))
            """);
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(0, guest.GetFunction("references")!.Invoke(i)[0]);
            Assert.Equal(0, guest.GetFunction("floats")!.Invoke(i)[0]);
        }

        Assert.Equal(TrapKind.CastFailure, Assert.Throws<TrapException>(() => guest.GetFunction("never")!.Invoke()).Kind);
    }

    [Fact]
    public void The_length_of_an_array_of_which_nothing_is_known()
    {
        Instance guest = Guests.Instantiate("""
            (module
              (type $bytes (array i8)) (type $shorts (array i16)) (type $ints (array i32)) (type $longs (array i64)) (type $singles (array f32))
              (type $doubles (array f64)) (type $vectors (array v128)) (type $references (array anyref))
              (func (export "lengths") (param i32) (result i32 i32 i32 i32 i32 i32 i32 i32)
                (call $length (array.new_default $bytes (local.get 0))) (call $length (array.new_default $shorts (local.get 0)))
                (call $length (array.new_default $ints (local.get 0))) (call $length (array.new_default $longs (local.get 0)))
                (call $length (array.new_default $singles (local.get 0))) (call $length (array.new_default $doubles (local.get 0)))
                (call $length (array.new_default $vectors (local.get 0))) (call $length (array.new_default $references (local.get 0))))
              (func $length (param arrayref) (result i32) (array.len (local.get 0))))
            """);
        foreach (int length in new[] { 0, 1, 3, 1_000 })
        {
            Assert.Equal(Enumerable.Repeat<object?>(length, 8), guest.GetFunction("lengths")!.Invoke(length));
        }
    }

    private static string Chain()
    {
        var text = new StringBuilder("(module\n(type $t0 (sub (struct (field i32))))\n");
        for (int i = 1; i <= Deepest; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"(type $t{i} (sub $t{i - 1} (struct (field i32))))\n");
        }

        text.Append("(func $make (param i32) (result (ref $t0))\n");
        for (int i = 0; i <= Deepest; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"(if (i32.eq (local.get 0) (i32.const {i})) (then (return (struct.new $t{i} (i32.const {i})))))\n");
        }

        text.Append("(unreachable))\n(func (export \"test\") (param i32 i32) (result i32) (local $o (ref null $t0)) (local.set $o (call $make (local.get 0)))\n");
        for (int i = 0; i <= Deepest; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"(if (i32.eq (local.get 1) (i32.const {i})) (then (return (ref.test (ref $t{i}) (local.get $o)))))\n");
        }

        text.Append("(unreachable))\n(func (export \"cast\") (param i32 i32) (result i32) (local $o anyref) (local.set $o (call $make (local.get 0)))\n");
        for (int i = 0; i <= Deepest; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"(if (i32.eq (local.get 1) (i32.const {i})) (then (return (struct.get $t{i} 0 (ref.cast (ref $t{i}) (local.get $o))))))\n");
        }

        return text.Append("(unreachable)))").ToString();
    }
}
