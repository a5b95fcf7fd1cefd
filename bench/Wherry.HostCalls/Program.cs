using BenchmarkDotNet.Running;
using Wherry.HostCalls;

BenchmarkRunner.Run<CallBenchmarks>(args: args);
