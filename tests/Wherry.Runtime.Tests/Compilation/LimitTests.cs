using System.Text;

namespace Wherry.Tests.Compilation;

/// <summary>Modules made to exhaust the compiler: they run, or there is one clear error.</summary>
public sealed class LimitTests
{
    [Fact]
    public void A_module_of_100_000_functions_runs()
    {
        var text = new StringBuilder("(module\n");
        for (int i = 0; i < 100_000; i++)
        {
            text.Append(i == 0 ? "(func (result i32) i32.const 7)\n" : $"(func (result i32) call {i / 2})\n");
        }

        text.Append("(export \"last\" (func 99999)))");
        Instance instance = Guests.Instantiate(text.ToString());
        Assert.Equal(7, instance.GetFunction<Func<int>>("last")!());
    }

    [Fact]
    public void A_module_of_100_000_globals_runs()
    {
        var text = new StringBuilder("(module\n");
        for (int i = 0; i < 100_000; i++)
        {
            text.Append(i % 2 == 0 ? $"(global (mut i32) (i32.const {i}))\n" : "(global (mut i64) (i64.const 1))\n");
        }

        text.Append("""
            (func (export "move") (param i32)
              (global.set 99998 (i32.add (global.get 99998) (local.get 0))) (global.set 0 (global.get 99998)))
            (func (export "get") (result i64) (i64.add (i64.extend_i32_s (global.get 0)) (global.get 99999))))
            """);
        Instance instance = Guests.Instantiate(text.ToString());
        instance.GetFunction<Action<int>>("move")!(2);
        Assert.Equal(100_001, instance.GetFunction<Func<long>>("get")!());
    }

    [Fact]
    public void Exception_handlers_within_each_other_run()
    {
        const int Depth = 250;
        var text = new StringBuilder("(module (tag $t) (func $throw (throw $t)) (func (export \"run\") (result i32) (local i32)\n");
        text.Insert(text.Length, "block try_table (catch $t 0)\n", Depth);
        text.Append("call $throw\n");
        text.Insert(text.Length, "end end\nlocal.get 0 i32.const 1 i32.add local.set 0 call $throw\n", Depth - 1);
        text.Append("end end local.get 0))");
        Instance instance = Guests.Instantiate(text.ToString());
        Assert.Equal(Depth - 1, instance.GetFunction<Func<int>>("run")!());
    }

    [Fact]
    public void A_function_of_50_000_locals_runs()
    {
        var text = new StringBuilder("(module (func (export \"sum\") (param i32) (result i32) (local");
        text.Insert(text.Length, " i32", 49_998);
        text.Append(" i64)\n");
        for (int i = 1; i < 49_999; i += 100)
        {
            text.Append($"local.get {i - 1} i32.const 1 i32.add local.set {Math.Min(i, 49_998)}\n");
            text.Append($"local.get {Math.Min(i, 49_998)} local.set {Math.Min(i + 99, 49_998)}\n");
        }

        text.Append("local.get 49998))");
        Instance instance = Guests.Instantiate(text.ToString());
        Assert.Equal(500 + 5, instance.GetFunction<Func<int, int>>("sum")!(5));
    }

    [Theory]
    [InlineData("i32.const 1\n", 1)]
    [InlineData("local.get 0\n", 2)]
    public void A_hundred_thousand_nested_operands_run(string operand, int value)
    {
        var text = new StringBuilder("(module (func (export \"sum\") (param i32) (result i32)\n");
        text.Insert(text.Length, operand, 100_000);
        text.Insert(text.Length, "i32.add\n", 99_999);
        text.Append("))");
        Instance instance = Guests.Instantiate(text.ToString());
        Assert.Equal(100_000 * value, instance.GetFunction<Func<int, int>>("sum")!(2));
    }

    [Fact]
    public void A_hundred_thousand_results_of_calls_on_the_stack_run_or_are_an_error()
    {
        var text = new StringBuilder("(module (func $one (result i32) i32.const 1) (func (export \"sum\") (result i32)\n");
        text.Insert(text.Length, "call $one\n", 100_000);
        text.Insert(text.Length, "i32.add\n", 99_999);
        text.Append("))");
        Instance instance = Guests.Instantiate(text.ToString());
        TrapException trap = Assert.Throws<TrapException>(() => instance.GetFunction<Func<int>>("sum")!());
        Assert.Equal(TrapKind.OutOfResources, trap.Kind);
        Assert.Contains("function 1 is too large", trap.Message);
    }

    /// <summary>A call of two bytes leaves as many values as a function may return: small functions may be too large as well.</summary>
    [Theory]
    [InlineData(200)]
    [InlineData(450)]
    [InlineData(510)]
    [InlineData(2_900)]
    [InlineData(4_000)]
    public void Many_results_of_many_calls_run_or_are_an_error(int calls)
    {
        const int Results = 128;
        var text = new StringBuilder("(module (func $many (result");
        text.Insert(text.Length, " i64", Results).Append(')').Insert(text.Length, " i64.const 5", Results).Append(") (func (export \"run\") (result i64)\n");
        text.Insert(text.Length, "call $many\n", calls).Append("i64.add return))");
        Func<long> run = Guests.Instantiate(text.ToString()).GetFunction<Func<long>>("run")!;
        if (calls * Results < 65_000)
        {
            Assert.Equal(10, run());
            return;
        }

        TrapException trap = Assert.Throws<TrapException>(() => run());
        Assert.Equal(TrapKind.OutOfResources, trap.Kind);
        Assert.Contains("function 1 is too large", trap.Message);
    }

    /// <summary>The same with what blocks take and give.</summary>
    [Theory]
    [InlineData("block", 500)]
    [InlineData("loop", 500)]
    [InlineData("block", 1_400)]
    [InlineData("loop", 1_400)]
    [InlineData("local.get 0 if", 900)]
    public void Many_values_of_many_blocks_run_or_are_an_error(string block, int count)
    {
        const int Values = 128;
        string types = string.Concat(Enumerable.Repeat(" i64", Values));
        var text = new StringBuilder($"(module (type $t (func (param{types}) (result{types}))) (func $many (result{types})");
        text.Insert(text.Length, " i64.const 5", Values).Append(") (func (export \"run\") (param i32) (result i64) call $many\n");
        text.Insert(text.Length, $"{block} (type $t) local.get 0 br_if 0\n", count).Insert(text.Length, "end\n", count).Append("i64.add return))");
        Func<int, long> run = Guests.Instantiate(text.ToString()).GetFunction<Func<int, long>>("run")!;
        try
        {
            Assert.Equal(10, run(0));
        }
        catch (TrapException trap)
        {
            Assert.Equal(TrapKind.OutOfResources, trap.Kind);
            Assert.Contains("function 1 is too large", trap.Message);
        }
    }

    [Theory]
    [InlineData("block\n", "br_if 0 (local.get 0)\n", "end\n")]
    [InlineData("block\n", "", "end\n")]
    [InlineData("loop\n", "", "end\n")]
    [InlineData("local.get 0 if\n", "", "end\n")]
    public void Blocks_within_blocks_run(string start, string inner, string end)
    {
        const int Depth = 99_990;
        var text = new StringBuilder("(module (func (export \"run\") (param i32) (result i32)\n");
        text.Insert(text.Length, start, Depth);
        text.Append(inner.Length > 0 ? "local.get 0 br_if 0\n" : "");
        text.Insert(text.Length, end, Depth);
        text.Append("i32.const 3))");
        Instance instance = Guests.Instantiate(text.ToString());
        Assert.Equal(3, instance.GetFunction<Func<int, int>>("run")!(1));
        Assert.Equal(3, instance.GetFunction<Func<int, int>>("run")!(0));
    }

    [Fact]
    public void A_deep_expression_is_within_the_stack_of_the_compiler()
    {
        var text = new StringBuilder("(module (memory 1) (func (export \"run\") (param i32) (result i32)\nlocal.get 0\n");
        text.Insert(text.Length, "i32.load8_u offset=1 i32.const 3 i32.mul i32.const 65535 i32.and\n", 5_000);
        text.Append("))");
        Instance instance = Guests.Instantiate(text.ToString());
        Guests.OnThread(() => Assert.Equal(0, instance.GetFunction<Func<int, int>>("run")!(9)));
    }

    [Fact]
    public void A_table_of_branches_with_many_arms_runs()
    {
        var text = new StringBuilder("(module (func (export \"run\") (param i32) (result i32)\n(block (block ");
        text.Append("local.get 0 br_table ");
        for (int i = 0; i < 100_000; i++)
        {
            text.Append(i % 2).Append(' ');
        }

        text.Append("0) i32.const 10 return) i32.const 20))");
        Instance instance = Guests.Instantiate(text.ToString());
        Func<int, int> run = instance.GetFunction<Func<int, int>>("run")!;
        Assert.Equal(10, run(99_998));
        Assert.Equal(20, run(99_999));
        Assert.Equal(10, run(-1));
    }

    [Fact]
    public void Many_parameters_and_results_pass()
    {
        const int Count = 128;
        string types = string.Concat(Enumerable.Repeat(" i64", Count));
        var text = new StringBuilder($"(module (func $pass (param{types}) (result{types})\n");
        for (int i = 0; i < Count; i++)
        {
            text.Append($"local.get {i}\n");
        }

        text.Append(") (func (export \"run\") (result i64)\n");
        for (int i = 0; i < Count; i++)
        {
            text.Append($"i64.const {i}\n");
        }

        text.Append("call $pass\n");
        text.Insert(text.Length, "i64.sub\n", Count - 1);
        text.Append("))");
        Instance instance = Guests.Instantiate(text.ToString());

        // v0 - (v1 - (v2 - …)): alternating signs.
        Assert.Equal(-Count / 2, instance.GetFunction<Func<long>>("run")!());
    }
}
