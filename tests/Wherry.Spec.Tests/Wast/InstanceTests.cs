using Wherry.Preinitialization;
using Wherry.Text.Scripts;

namespace Wherry.Spec.Tests.Wast;

/// <summary>The official suite with instances that were made in other ways: from a pool, and from a module that was saved after its instantiation.</summary>
public sealed class InstanceTests
{
    public static TheoryData<string> Files => [.. Suite.Files];

    /// <summary>Scripts whose modules import nothing from each other: pooled instances have a store each.</summary>
    public static TheoryData<string> FilesOfSingleModules => [.. Suite.Files.Where(file =>
        File.ReadAllText(Suite.PathOf(file)) is var text && !text.Contains("(register", StringComparison.Ordinal) && !text.Contains("(thread", StringComparison.Ordinal))];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(FilesOfSingleModules))]
    public void A_script_passes_with_pooled_instances(string file)
    {
        Run(file, BoundsChecks.Guard, InstantiatePooled);
        Run(file, BoundsChecks.Explicit, InstantiatePooled);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Files))]
    public void A_script_passes_with_modules_that_were_saved_after_instantiation(string file) => Run(file, BoundsChecks.Guard, InstantiateSaved);

    [Theory(SkipTestWithoutData = true)]
    [InlineData("memory_init.wast", 10)]
    [InlineData("call_indirect.wast", 1)]
    [InlineData("i32.wast", 1)]
    [InlineData("struct.wast", 3)]
    public void Modules_of_the_suite_are_pooled_and_saved(string file, int least)
    {
        Suite.Require();
        file = Suite.Files.First(path => path == file || path.EndsWith("/" + file, StringComparison.Ordinal));
        int pooled = 0;
        int saved = 0;
        Run(file, BoundsChecks.Guard, (linker, store, module) => Count(ref pooled, InstantiatePooled(linker, store, module), instance => instance.Store != store));
        Run(file, BoundsChecks.Guard, (linker, store, module) => Count(ref saved, InstantiateSaved(linker, store, module), instance => instance.Module != module));
        Assert.True(pooled >= least, $"{pooled} pooled");
        Assert.True(saved >= least, $"{saved} saved");

        static Instance Count(ref int count, Instance instance, Predicate<Instance> counts)
        {
            count += counts(instance) ? 1 : 0;
            return instance;
        }
    }

    // The second of its pool, whose memory the first one spoiled.
    private static Instance InstantiatePooled(Linker linker, Store store, Module module)
    {
        InstancePool pool;
        try
        {
            pool = new InstancePool(linker, module);
        }
        catch (LinkException)
        {
            return linker.Instantiate(store, module);
        }

        using (PooledInstance first = pool.Instantiate())
        {
            foreach (Memory memory in first.Instance.Guest.Memories)
            {
                _ = memory.Grow(1);
                using MemoryLease lease = memory.Lease();
                lease.Span.Fill(0x5E);
            }
        }

        return pool.Instantiate().Instance;
    }

    private static Instance InstantiateSaved(Linker linker, Store store, Module module)
    {
        Instance instance = linker.Instantiate(store, module);
        byte[] saved;
        try
        {
            saved = ModuleSnapshot.Write(instance, []);
        }
        catch (SnapshotException)
        {
            return instance;
        }

        // Once more: what was saved can be saved.
        Instance again = linker.Instantiate(store, Module.Load(module.Engine, saved));
        return linker.Instantiate(store, Module.Load(module.Engine, ModuleSnapshot.Write(again, [])));
    }

    private static void Run(string file, BoundsChecks boundsChecks, Func<Linker, Store, Module, Instance> instantiate)
    {
        string path = Suite.PathOf(file);
        ScriptResult result = ScriptRunner.Run(path, new EngineOptions { BoundsChecks = boundsChecks, Features = SuiteFeatures.OfPath(path) }, instantiate);
        Assert.True(
            result.Failed == 0,
            string.Join('\n', result.Failures.Take(10).Select(failure => $"{file}:{failure.Line}: {failure.Directive}: {failure.Reason}")));
        Assert.Equal(AssertionCounter.Count(File.ReadAllText(path)), result.Assertions);
    }
}
