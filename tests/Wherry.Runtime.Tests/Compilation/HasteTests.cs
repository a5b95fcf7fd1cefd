using Wherry.Compilation;
using Wherry.Tests.Execution;

namespace Wherry.Tests.Compilation;

/// <summary>Functions that are compiled in haste first, as those of Go, and again when they run often.</summary>
public sealed class HasteTests
{
    // As Go's compiler writes a function: a parameter tells where it goes on.
    private const string Resumable = """
        (func $resumable (param $at i32) (result i32) (local $x i32)
          global.get $calls
          local.set $x
          (loop $again
            (block $second (block $first
              (br_table $first $second (local.get $at)))
              (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
              (local.set $at (i32.const 1))
              (br $again))
            (if (i32.eq (local.get $x) (global.get $last)) (then unreachable)))
          local.get $x)
        """;

    private const string Interpreter = """
        (func $interpreter (param $at i32) (result i32)
          (loop $again
            (block $stop (block $step
              (br_table $step $stop (i32.load8_u (local.get $at))))
              (local.set $at (i32.add (local.get $at) (i32.const 1)))
              (br $again)))
          local.get $at)
        """;

    private static readonly EngineOptions s_options = new() { CollectibleCode = false };

    [Theory]
    [InlineData(Resumable, true)]
    [InlineData(Interpreter, false)]
    public void What_branches_on_a_parameter_at_its_start_is_resumable(string function, bool isResumable)
    {
        Module module = Load(function);
        Assert.Equal(isResumable, HastyFunctions.IsResumable(module.Definition, 0));
        Assert.Equal(isResumable, HastyFunctions.FindResumable(module.Definition));
    }

    /// <summary>It may not fit into a method, which a trial finds out.</summary>
    [Fact]
    public void What_has_very_many_locals_is_not_compiled_in_haste() =>
        Assert.False(HastyFunctions.IsResumable(Load(Resumable.Replace("(local $x i32)", $"(local $x i32) (local{string.Concat(Enumerable.Repeat(" i64", 31_000))})", StringComparison.Ordinal)).Definition, 0));

    /// <summary>It runs as it was compiled first, and as it is compiled again meanwhile.</summary>
    [Fact]
    public void A_function_does_the_same_however_often_it_runs()
    {
        const int calls = 300_000;
        var engine = new Engine(s_options);
        Instance guest = new Linker(engine).Instantiate(new Store(engine), Load(Resumable, engine));
        guest.GetGlobal("last")!.Value = calls;
        Func<int, int> function = guest.GetFunction<Func<int, int>>("run")!;
        for (int i = 0; i < calls; i++)
        {
            Assert.Equal(i, function(0));
        }

        TrapException trap = Assert.Throws<TrapException>(() => function(0));
        Assert.Equal(TrapKind.Unreachable, trap.Kind);
        Assert.Equal("resumable", trap.GuestStack[0].FunctionName);
    }

    private static Module Load(string function, Engine? engine = null) => Module.Load(
        engine ?? new Engine(s_options),
        WatConverter.ToBinary(
            $"""(memory 1) (global $calls (mut i32) (i32.const 0)) (global $last (export "last") (mut i32) (i32.const -1)) {function} (export "run" (func 0))""", emitNames: true),
        "test.wasm");
}
