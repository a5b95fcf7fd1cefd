using System.Collections.Concurrent;
using Wherry.Compilation;
using Wherry.Execution.Suspension;
using Wherry.Tests.AheadOfTime;

namespace Wherry.Spec.Tests.Wast;

/// <summary>
/// The official suite with guests that wait at the start of each function: all frames are left and entered again, by turns on this thread and on another. Scripts whose modules have exceptions run as
/// ever: such guests are never left.
/// </summary>
public sealed class SuspensionTests
{
    public static TheoryData<string> Files => [.. Suite.Files];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Files))]
    public void A_script_passes_with_guests_that_wait(string file)
    {
        Run(file, BoundsChecks.Guard, out _);
        Run(file, BoundsChecks.Explicit, out _);
    }

    [Theory(SkipTestWithoutData = true)]
    [InlineData("call.wast", 100)]
    [InlineData("call_indirect.wast", 100)]
    [InlineData("call_ref.wast", 10)]
    [InlineData("linking.wast", 20)]
    [InlineData("func.wast", 50)]
    [InlineData("struct.wast", 5)]
    [InlineData("simd_lane.wast", 100)]
    public void Guests_of_the_suite_wait(string file, int least)
    {
        Suite.Require();
        Run(Suite.Files.First(path => path == file || path.EndsWith("/" + file, StringComparison.Ordinal)), BoundsChecks.Guard, out long waits);
        Assert.True(waits >= least, $"{waits} waits");
    }

    [Theory(SkipTestWithoutData = true)]
    [InlineData("call_indirect.wast")]
    [InlineData("call_ref.wast")]
    [InlineData("global.wast")]
    [InlineData("traps.wast")]
    [InlineData("br_on_cast.wast")]
    [InlineData("simd_lane.wast")]
    public void A_script_passes_with_guests_that_wait_in_code_compiled_ahead_of_time(string file)
    {
        Suite.Require();
        PrecompilerRequirement.Check();
        Run(file, BoundsChecks.Guard, out long waits, Precompiler.CompileAndLoad);
        Assert.NotEqual(0, waits);
    }

    private static void Run(string file, BoundsChecks boundsChecks, out long waits, Func<Module, CompiledModule>? createCode = null)
    {
        long count = 0;
        using var other = new OtherThread();
        var options = new EngineOptions { BoundsChecks = boundsChecks, MayWait = static (_, _) => true, WaitsAtEachCall = true, CreateCode = createCode };
        SuiteScript.AssertPasses(file, options, (function, arguments) =>
        {
            var call = new SuspendableCall(function, arguments);
            while (!(count % 2 == 0 ? call.Run() : other.Run(call.Run)))
            {
                count++;
            }

            return call.Results;
        });
        waits = count;
    }

    /// <summary>A thread that does what it is told, with a stack like the script's.</summary>
    private sealed class OtherThread : IDisposable
    {
        private readonly BlockingCollection<Action> work = [];
        private readonly Thread thread;

        public OtherThread()
        {
            thread = new Thread(
                () =>
                {
                    foreach (Action action in work.GetConsumingEnumerable())
                    {
                        action();
                    }
                },
                16 << 20);
            thread.Start();
        }

        public bool Run(Func<bool> function)
        {
            var result = new TaskCompletionSource<bool>();
            work.Add(() =>
            {
                try
                {
                    result.SetResult(function());
                }
                catch (Exception exception)
                {
                    result.SetException(exception);
                }
            });
            return result.Task.GetAwaiter().GetResult();
        }

        public void Dispose()
        {
            work.CompleteAdding();
            thread.Join();
            work.Dispose();
        }
    }
}
