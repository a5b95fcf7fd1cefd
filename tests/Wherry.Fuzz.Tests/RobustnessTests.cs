using Wherry.Fuzz.Robustness;

namespace Wherry.Fuzz.Tests;

/// <summary>A small run of the robustness fuzzer, over the modules that the repository has itself. Only outcomes are asserted: the command measures time and memory.</summary>
public class RobustnessTests
{
    private const int Inputs = 3000;

    // Within a thread of the size that programs have: what nests deeply must not overflow it.
    private const int StackSize = 1 << 20;

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void A_damaged_module_is_a_module_or_one_clear_error(int seed)
    {
        var mutator = new InputMutator(Seeds());
        List<string> problems = [];
        HashSet<string> outcomes = [];
        var thread = new Thread(
            () =>
            {
                using var runner = new InputRunner();
                for (int index = 0; index < Inputs; index++)
                {
                    Seed input = mutator.Create((ulong)seed, index);
                    InputResult result = runner.Run(input);
                    outcomes.Add(result.Outcome);
                    if (result.Problem is not null)
                    {
                        problems.Add($"input {index}, made from {input.Origin}: {result.Problem}");
                    }
                }
            },
            StackSize);
        thread.Start();
        thread.Join();
        Assert.Empty(problems);

        // A run in which all is refused at once shows little.
        Assert.Superset(new HashSet<string>(["instance", "invalid module", "malformed module", "malformed text"]), outcomes);
    }

    [Fact]
    public void Inputs_follow_from_the_seed()
    {
        var mutator = new InputMutator(Seeds());
        Assert.Equal(mutator.Create(5, 17).Bytes, mutator.Create(5, 17).Bytes);
        Assert.NotEqual(mutator.Create(5, 17).Bytes, mutator.Create(6, 17).Bytes);
    }

    private static List<Seed> Seeds()
    {
        List<Seed> seeds = SeedCollection.Collect([Path.Combine(AppContext.BaseDirectory, "Found")], 100_000);
        for (ulong seed = 0; seed < 40; seed++)
        {
            byte[] module = Generation.ModuleGenerator.Generate(seed, isPlain: seed % 4 == 0, isBeyondV8: seed % 4 == 1);
            seeds.Add(new Seed(InputKind.Binary, $"module {seed}", module));
            seeds.Add(new Seed(InputKind.Text, $"module {seed}", System.Text.Encoding.UTF8.GetBytes(WatConverter.ToText(module))));
        }

        return seeds;
    }
}
