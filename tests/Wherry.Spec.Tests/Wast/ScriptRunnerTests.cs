using System.Text;
using Wherry.Text.Scripts;

namespace Wherry.Spec.Tests.Wast;

/// <summary>An assertion that does not hold fails: the runner is as strict as it says.</summary>
public class ScriptRunnerTests
{
    private const string Module = """
        (module
          (func (export "one") (result i32) i32.const 1)
          (func (export "nan") (result f32) f32.const nan:0x600000)
          (func (export "trap") unreachable)
          (func $deep (export "deep") call $deep)
          (func (export "same") (param externref) (result externref) local.get 0)
          (tag $t)
          (func (export "throw") throw $t)
          (global (export "g") i32 (i32.const 7)))
        """;

    [Theory]
    [InlineData("""(assert_return (invoke "one") (i32.const 1))""")]
    [InlineData("""(assert_return (invoke "one") (either (i32.const 2) (i32.const 1)))""")]
    [InlineData("""(assert_return (invoke "nan") (f32.const nan:arithmetic))""")]
    [InlineData("""(assert_return (get "g") (i32.const 7))""")]
    [InlineData("""(assert_return (invoke "same" (ref.extern 3)) (ref.extern 3))""")]
    [InlineData("""(assert_return (invoke "same" (ref.null extern)) (ref.null))""")]
    [InlineData("""(assert_trap (invoke "trap") "unreachable")""")]
    [InlineData("""(assert_exhaustion (invoke "deep") "call stack exhausted")""")]
    [InlineData("""(assert_exception (invoke "throw"))""")]
    [InlineData("""(assert_invalid (module (func (result i32))) "type mismatch")""")]
    [InlineData("""(assert_malformed (module quote "(func") "unexpected token")""")]
    [InlineData("""(assert_malformed (module binary "") "unexpected end")""")]
    [InlineData("""(assert_unlinkable (module (import "a" "b" (func))) "unknown import")""")]
    [InlineData("""(assert_trap (module (func $f unreachable) (start $f)) "unreachable")""")]
    public void What_holds_passes(string assertion)
    {
        ScriptResult result = Run(Module + assertion);
        Assert.Empty(result.Failures);
        Assert.Equal(1, result.Passed);
    }

    [Theory]
    [InlineData("""(assert_return (invoke "one") (i32.const 2))""", "expected (i32 2), got (i32 1)")]
    [InlineData("""(assert_return (invoke "one") (i64.const 1))""", "got (i32 1)")]
    [InlineData("""(assert_return (invoke "one"))""", "got (i32 1)")]
    [InlineData("""(assert_return (invoke "nan") (f32.const nan:canonical))""", "expected (f32 nan:canonical)")]
    [InlineData("""(assert_return (invoke "same" (ref.extern 3)) (ref.extern 4))""", "got (ref.extern 3)")]
    [InlineData("""(assert_return (invoke "trap"))""", "unreachable")]
    [InlineData("""(assert_return (invoke "none"))""", "no function \"none\"")]
    [InlineData("""(assert_trap (invoke "one") "unreachable")""", "nothing was thrown")]
    [InlineData("""(assert_trap (invoke "trap") "integer overflow")""", "unreachable")]
    [InlineData("""(assert_trap (invoke "throw") "unreachable")""", "WasmException")]
    [InlineData("""(assert_trap (invoke "none") "unreachable")""", "no function \"none\"")]
    [InlineData("""(assert_exhaustion (invoke "trap") "call stack exhausted")""", "unreachable")]
    [InlineData("""(assert_exhaustion (invoke "deep") "out of fuel")""", "call stack exhausted")]
    [InlineData("""(assert_exception (invoke "trap"))""", "unreachable")]
    [InlineData("""(assert_invalid (module (func)) "type mismatch")""", "nothing was thrown")]
    [InlineData("""(assert_invalid (module (func (result i32))) "unknown label")""", "type mismatch")]
    [InlineData("""(assert_invalid (module quote "(func") "unexpected token")""", "TextFormatException")]
    [InlineData("""(assert_malformed (module quote "(func (result i32))") "type mismatch")""", "InvalidModuleException")]
    [InlineData("""(assert_unlinkable (module (func $f unreachable) (start $f)) "unreachable")""", "TrapException")]
    [InlineData("""(assert_trap (module (import "a" "b" (func))) "unknown import")""", "LinkException")]
    public void What_does_not_hold_fails(string assertion, string reason)
    {
        ScriptResult result = Run(Module + assertion);
        ScriptFailure failure = Assert.Single(result.Failures);
        Assert.Contains(reason, failure.Reason, StringComparison.Ordinal);
        Assert.True(failure.IsAssertion);
        Assert.Equal(0, result.Passed);
    }

    [Fact]
    public void After_a_module_that_fails_nothing_runs_on_the_one_before()
    {
        ScriptResult result = Run(Module + """(module (func (result i32))) (assert_return (invoke "one") (i32.const 1))""");
        Assert.Equal(2, result.Failed);
        Assert.Equal(0, result.Passed);
    }

    [Fact]
    public void A_script_that_can_not_be_read_fails_as_a_whole()
    {
        ScriptResult result = Run("(assert_retur)");
        Assert.Contains("unexpected token", Assert.Single(result.Failures).Reason.Replace("unknown operator", "unexpected token", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void Threads_share_what_they_are_given()
    {
        ScriptResult result = Run("""
            (module $shared (memory (export "memory") 1 1 shared))
            (register "shared" $shared)
            (thread $first (shared (module $shared))
              (register "shared" $shared)
              (module
                (memory (import "shared" "memory") 1 1 shared)
                (func (export "add") (result i32) (i32.atomic.rmw.add (i32.const 0) (i32.const 42))))
              (assert_return (invoke "add") (i32.const 0)))
            (wait $first)
            (module
              (memory (import "shared" "memory") 1 1 shared)
              (func (export "read") (result i32) (i32.atomic.load (i32.const 0))))
            (assert_return (invoke "read") (i32.const 42))
            """);
        Assert.Empty(result.Failures);
        Assert.Equal(2, result.Passed);
    }

    [Theory]
    [InlineData("spec/core/i32.wast", "core")]
    [InlineData("/a/proposals/threads/memory.wast", "threads")]
    [InlineData("legacy/throw.wast", "legacy")]
    [InlineData("proposals\\wide-arithmetic\\wide-arithmetic.wast", "wide-arithmetic")]
    [InlineData("alone.wast", "core")]
    public void The_path_tells_the_part_of_the_suite(string path, string group) => Assert.Equal(group, SuiteFeatures.Group(path));

    private static ScriptResult Run(string text) =>
        ScriptRunner.Run(Encoding.UTF8.GetBytes(text), "test.wast", new EngineOptions { Features = WasmFeatures.Default });
}
