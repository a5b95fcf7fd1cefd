using Wherry.Compilation;
using Wherry.Compilation.Outlining;

namespace Wherry.Tests.Compilation;

/// <summary>Functions that the JIT would not optimize as a whole are divided, and do the same as if they were not.</summary>
public sealed class OutliningTests
{
    public static TheoryData<int, BoundsChecks> Seeds =>
        new(from seed in Enumerable.Range(1, 3) from mode in (BoundsChecks[])[BoundsChecks.Guard, BoundsChecks.Explicit] select (seed, mode));

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_divided_interpreter_does_what_the_whole_one_does(int seed, BoundsChecks mode)
    {
        string text = new InterpreterGuest(seed, cases: 150).Write();
        Module divided = Guests.Load(text, mode);
        OutlinedRegion[] regions = OutlinePlanner.Plan((JittedModule)divided.Code, function: 1);
        Assert.True(regions.Length > 2, $"{regions.Length} regions");

        Instance one = Guests.Instantiate(divided);
        Instance other = Guests.Instantiate(Guests.Load(text, mode, EngineOptions.Default with { OutlinesLargeFunctions = false }));
        var run = one.GetFunction<Func<int, int, long>>("run")!;
        var expected = other.GetFunction<Func<int, int, long>>("run")!;
        for (int operation = 0; operation < 150; operation++)
        {
            Assert.Equal(expected(operation, 40), run(operation, 40));
        }

        Assert.Equal(Read(other), Read(one));
    }

    [Fact]
    public void What_is_left_and_each_region_fit_the_limits()
    {
        var module = (JittedModule)Guests.Load(new InterpreterGuest(7, cases: 120).Write()).Code;
        OutlinedRegion[] regions = OutlinePlanner.Plan(module, function: 1);
        foreach (OutlinedRegion? written in regions.Append(null))
        {
            var writer = new IlWriter(null);
            new FunctionEmitter(module, 1, writer, new FunctionOutline(regions, written, _ => null)).Emit();
            Assert.True(writer.CodeSize.Share <= 1, $"{regions.Length} regions, {written?.Number}: {writer.CodeSize}");
        }
    }

    [Fact]
    public void A_function_of_ordinary_size_stays_whole() =>
        Assert.Empty(OutlinePlanner.Plan((JittedModule)Guests.Load(new InterpreterGuest(7, cases: 10).Write()).Code, function: 1));

    [Fact]
    public void A_trap_in_a_region_shows_the_function_once_with_the_right_offset()
    {
        // All cases end by a division that traps for one operand.
        string text = new InterpreterGuest(3, cases: 150).Write()
            .Replace("(br $next)", "(local.set $k (i32.div_u (i32.const 1) (i32.sub (local.get $rounds) (i32.const 3)))) (br $next)", StringComparison.Ordinal);
        Module module = Guests.Load(text);
        OutlinedRegion[] regions = OutlinePlanner.Plan((JittedModule)module.Code, function: 1);
        Instance guest = Guests.Instantiate(module);
        var run = guest.GetFunction<Func<int, int, long>>("run")!;
        int inRegions = 0;
        for (int operation = 0; operation < 150; operation++)
        {
            try
            {
                run(operation, 4);
            }
            catch (TrapException trap)
            {
                Assert.Equal(TrapKind.IntegerDivideByZero, trap.Kind);
                GuestStackFrame frame = Assert.Single(trap.GuestStack);
                inRegions += regions.Any(region => frame.Offset >= region.Start && frame.Offset < region.End) ? 1 : 0;
            }
        }

        Assert.True(inRegions > 5, $"{inRegions} traps in regions");
    }

    private static byte[] Read(Instance instance)
    {
        using MemoryLease lease = instance.GetMemory("memory")!.Lease();
        return lease.Span[..8192].ToArray();
    }
}
