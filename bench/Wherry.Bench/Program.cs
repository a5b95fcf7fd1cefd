using Wherry.Bench;
using Wherry.Bench.Soak;

return args switch
{
    ["compute", .. var rest] => ComputeBenchmark.Run(new Settings(rest)),
    ["first", .. var rest] => FirstRunBenchmark.Run(new Settings(rest)),
    ["compile", .. var rest] => CompileBenchmark.Run(new Settings(rest)),
    ["lifetimes", .. var rest] => LifetimesBenchmark.Run(new Settings(rest)),
    ["system-calls", .. var rest] => SystemCallsBenchmark.Run(new Settings(rest)),
    ["http", .. var rest] => await HttpBenchmark.RunAsync(new Settings(rest)),
    ["threads", .. var rest] => ThreadsBenchmark.Run(new Settings(rest)),
    ["gains", .. var rest] => GainsBenchmark.Run(new Settings(rest)),
    ["interrupt", .. var rest] => await InterruptBenchmark.RunAsync(new Settings(rest)),
    ["instances", .. var rest] => InstancesBenchmark.Run(new Settings(rest)),
    [InstancesBenchmark.Child, .. var rest] => InstancesBenchmark.RunChild(rest),
    ["waiting", .. var rest] => await WaitingBenchmark.RunAsync(new Settings(rest)),
    [WaitingHost.Child, .. var rest] => WaitingHost.Run(rest),
    ["paced", .. var rest] => PacedBenchmark.Run(new Settings(rest)),
    ["soak", .. var rest] => await SoakBenchmark.RunAsync(new Settings(rest)),
    ["fuel", .. var rest] => MeteringBenchmark.RunFuel(new Settings(rest)),
    ["safepoints", .. var rest] => MeteringBenchmark.RunSafepoints(new Settings(rest)),
    [MeteringBenchmark.Child, .. var rest] => MeteringBenchmark.RunChild(rest),
    [GainsBenchmark.Child, .. var rest] => GainsBenchmark.RunChild(rest),
    _ => Settings.ShowHelp(),
};
