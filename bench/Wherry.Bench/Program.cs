using Wherry.Bench;

return args switch
{
    ["compute", .. var rest] => ComputeBenchmark.Run(new Settings(rest)),
    ["http", .. var rest] => await HttpBenchmark.RunAsync(new Settings(rest)),
    _ => Settings.ShowHelp(),
};
