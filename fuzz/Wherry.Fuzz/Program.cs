using System.CommandLine;
using Wherry.Fuzz.Differential;
using Wherry.Fuzz.Robustness;

var root = new RootCommand("Tests Wherry with random input.")
{
    DifferentialCommand.Create(),
    CompareCommand.Create(),
    CompareCommand.CreateShrink(),
    CompareCommand.CreateGenerate(),
    RobustnessCommand.Create(),
};
return root.Parse(args).Invoke();
