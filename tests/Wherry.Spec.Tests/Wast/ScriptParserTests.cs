using Wherry.Text;
using Wherry.Text.Scripts;

namespace Wherry.Spec.Tests.Wast;

/// <summary>Every script of the suite is read; of its modules, exactly those that must be malformed are, with the suite's words.</summary>
public class ScriptParserTests
{
    [Fact]
    public void The_suite_has_all_its_files()
    {
        Suite.Require();
        Assert.Equal(288, Suite.Files.Count());
    }

    [Fact]
    public void Every_text_of_the_suite_is_read_or_refused_as_the_suite_says()
    {
        Suite.Require();
        int modules = 0;
        var problems = new List<string>();
        foreach (string file in Suite.Files)
        {
            var source = new TextSource(File.ReadAllBytes(Suite.PathOf(file)), file);
            WatOptions options = WatOptions.Default with { Features = SuiteFeatures.OfPath(file) };
            foreach (ScriptCommand command in ScriptParser.Parse(source))
            {
                if (SourceOf(command) is not ModuleSource module)
                {
                    continue;
                }

                modules++;
                string? asserted = command is AssertRejectedCommand { Rejection: Rejection.Malformed or Rejection.MalformedCustom or Rejection.InvalidCustom } rejected
                    && module is not BinaryModuleSource ? rejected.Message : null;
                string? actual = ReasonFor(module, options);
                if (asserted is null ? actual is not null : actual is null || !actual.StartsWith(asserted, StringComparison.Ordinal))
                {
                    problems.Add($"{file}:{source.Locate(command.Offset).Line}: {asserted ?? "accepted"} is right, {actual ?? "accepted"} came out");
                }
            }
        }

        Assert.Empty(problems);
        Assert.Equal(8062, modules);
    }

    [Fact]
    public void Threads_and_waits_are_read()
    {
        const string Text = """
            (module $m (memory (export "shared") 1 1 shared))
            (thread $t (shared (module $m))
              (register "mem" $m)
              (module (memory (import "mem" "shared") 1 10 shared))
              (assert_return (invoke "run")))
            (wait $t)
            """;
        ScriptCommand[] commands = ScriptParser.Parse(new TextSource(System.Text.Encoding.UTF8.GetBytes(Text), null));
        var thread = Assert.IsType<ThreadCommand>(commands[1]);
        Assert.Equal(["m"], thread.SharedModules);
        Assert.Equal(3, thread.Commands.Length);
        Assert.Equal("t", Assert.IsType<WaitCommand>(commands[2]).Thread);
    }

    private static ModuleSource? SourceOf(ScriptCommand command) => command switch
    {
        ModuleCommand module => module.Source,
        AssertTrapCommand trap => trap.Source,
        AssertRejectedCommand rejected => rejected.Source,
        _ => null,
    };

    private static string? ReasonFor(ModuleSource module, WatOptions options)
    {
        try
        {
            module.ToBytes(options);
            return null;
        }
        catch (TextFormatException error)
        {
            return error.Reason;
        }
    }
}
