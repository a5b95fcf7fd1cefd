using System.CommandLine;
using Wherry.Fuzz;
using Wherry.Fuzz.Differential;
using Wherry.Fuzz.Robustness;

var root = new RootCommand("Tests Wherry with random input.")
{
    DifferentialCommand.Create(),
    CompareCommand.Create(),
    CompareCommand.CreateShrink(),
    CompareCommand.CreateGenerate(),
    CorpusCommand.CreateRecord(),
    CorpusCommand.CreateReplay(),
    RobustnessCommand.Create(),
    PlantCommand.Create(),
};
return root.Parse(args).Invoke();
