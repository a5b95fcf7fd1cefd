using BenchmarkDotNet.Running;
using Wherry.HostCalls;

if (args is ["--least"])
{
    LeastTimes.Print();
    return;
}

BenchmarkRunner.Run<CallBenchmarks>(args: args);
