using Wherry.Binary;
using Wherry.Tests.Binary;

namespace Wherry.Tests.Validation;

/// <summary>Modules at the edge of what is accepted: they load, or are refused with an error that names the limit.</summary>
public class LimitTests
{
    [Fact]
    public void A_hundred_thousand_functions_are_accepted()
    {
        byte[][] bodies = [.. Enumerable.Repeat(ModuleBuilder.Body([0], 0x41, 0, 0x1A, 0x0B), 100_000)];
        byte[] module = new ModuleBuilder()
            .Section(1, ModuleBuilder.Vector(ModuleBuilder.FunctionType([], [])))
            .Section(3, [.. ModuleBuilder.Leb(100_000), .. new byte[100_000]])
            .Section(10, ModuleBuilder.Vector(bodies))
            .Build();
        Assert.Equal(100_000, Modules.Load(module).Bodies.Length);
        Refused(module, new ModuleLimits { MaximumFunctions = 99_999 }, "too many functions: 100,000; the limit is 99,999");
    }

    [Fact]
    public void Fifty_thousand_locals_are_accepted_and_one_more_is_not()
    {
        Assert.Null(Modules.Refusal(WithLocals(50_000)));
        Refused(WithLocals(50_001), ModuleLimits.Default, "too many locals in function 0: 50,001");
        Refused(WithLocals(uint.MaxValue), ModuleLimits.Default, "too many locals in function 0");
    }

    [Fact]
    public void Locals_far_behind_keep_their_types()
    {
        // 300 i32, 49,000 i64, 3 f32: the first and last of each kind are set to what they are.
        byte[] Code(int local, byte[] constant) => [.. constant, 0x21, .. ModuleBuilder.Leb((ulong)local)];
        byte[] Module(int local, byte[] constant) => new ModuleBuilder()
            .Section(1, ModuleBuilder.Vector(ModuleBuilder.FunctionType([0x7C], [])))
            .Section(3, ModuleBuilder.Vector([0]))
            .Section(10, ModuleBuilder.Vector(ModuleBuilder.Body(
                [3, 0xAC, 0x02, 0x7F, .. ModuleBuilder.Leb(49_000), 0x7E, 3, 0x7D], [.. Code(local, constant), 0x0B])))
            .Build();
        byte[][] constants = [[0x41, 0], [0x42, 0], [0x43, 0, 0, 0, 0], [0x44, 0, 0, 0, 0, 0, 0, 0, 0]];
        foreach ((int local, int type) in (ReadOnlySpan<(int, int)>)[(0, 3), (1, 0), (255, 0), (256, 0), (300, 0), (301, 1), (49_300, 1), (49_301, 2), (49_303, 2)])
        {
            for (int i = 0; i < constants.Length; i++)
            {
                Assert.Equal(i == type, Modules.Refusal(Module(local, constants[i])) is null);
            }
        }

        Refused(Module(49_304, constants[2]), ModuleLimits.Default, "unknown local 49304");
    }

    [Fact]
    public void Blocks_are_nested_as_deeply_as_the_limit_allows()
    {
        Assert.Null(Modules.Refusal(Nested(100_000)));
        Refused(Nested(100_001), ModuleLimits.Default, "blocks are nested too deeply: the limit is 100,000");
    }

    [Fact]
    public void Exception_handlers_are_nested_as_deeply_as_the_limit_allows()
    {
        byte[] tryTable = [0x1F, 0x40, 0];
        byte[] legacyTry = [0x06, 0x40];
        foreach (byte[] start in new[] { tryTable, legacyTry })
        {
            // Others before them don't count, nor do blocks between.
            byte[] before = [.. start, 0x0B, .. start, 0x0B];
            byte[] Module(int depth) => ModuleBuilder.WithCode(
                [.. before, .. Enumerable.Repeat((byte[])[0x02, 0x40, .. start], depth).SelectMany(bytes => bytes), .. Enumerable.Repeat((byte)0x0B, (2 * depth) + 1)]);
            Assert.Null(Modules.Refusal(Module(250)));
            Refused(Module(251), ModuleLimits.Default, "exception handlers are nested too deeply: the limit is 250");
        }
    }

    [Fact]
    public void A_hundred_thousand_operands_are_accepted()
    {
        byte[] module = ModuleBuilder.WithCode(
            [.. Enumerable.Repeat((byte[])[0x41, 0], 100_000).SelectMany(bytes => bytes), .. Enumerable.Repeat((byte)0x6A, 99_999), 0x1A, 0x0B]);
        Assert.Null(Modules.Refusal(module));
        Refused(module, new ModuleLimits { MaximumOperands = 1000 }, "too many operands: the limit is 1,000");
    }

    [Fact]
    public void Constant_expressions_are_no_way_around_the_limits()
    {
        // Arrays in a constant expression may hold many operands.
        byte[] Array(int count) => new ModuleBuilder()
            .Section(1, ModuleBuilder.Vector([0x5E, 0x7F, 0]))
            .Section(6, ModuleBuilder.Vector([0x64, 0, 0, .. Enumerable.Repeat((byte[])[0x41, 0], count).SelectMany(bytes => bytes), 0xFB, 8, 0, .. ModuleBuilder.Leb((ulong)count), 0x0B]))
            .Build();
        Assert.Null(Modules.Refusal(Array(10_000)));
        Refused(Array(10_000), new ModuleLimits { MaximumOperands = 1000 }, "too many operands");
    }

    [Fact]
    public void Results_and_parameters_are_limited()
    {
        byte[] Type(int parameters, int results) => new ModuleBuilder()
            .Section(1, ModuleBuilder.Vector(ModuleBuilder.FunctionType([.. Enumerable.Repeat((byte)0x7F, parameters)], [.. Enumerable.Repeat((byte)0x7F, results)])))
            .Build();
        Assert.Null(Modules.Refusal(Type(1000, 128)));
        Refused(Type(1, 129), ModuleLimits.Default, "too many results: 129; the limit is 128");
        Refused(Type(1001, 1), ModuleLimits.Default, "too many parameters: 1,001; the limit is 1,000");
    }

    [Fact]
    public void A_body_a_module_and_a_name_are_limited()
    {
        byte[] module = ModuleBuilder.WithCode([.. Enumerable.Repeat((byte)1, 1000), 0x0B]);
        Refused(module, new ModuleLimits { MaximumFunctionBodySize = 1000 }, "function 0 is too large: 1,002 bytes");
        Refused(module, new ModuleLimits { MaximumModuleSize = 1000 }, "module too large");
        Refused(new ModuleBuilder().Section(0, ModuleBuilder.Name(new string('a', 101))).Build(), new ModuleLimits { MaximumNameLength = 100 }, "name too long");
    }

    [Fact]
    public void Supertypes_are_limited()
    {
        byte[] Chain(int length) => new ModuleBuilder()
            .Section(1, ModuleBuilder.Vector([[0x50, 0, 0x5F, 0], .. Enumerable.Range(0, length).Select(i => (byte[])[0x50, 1, .. ModuleBuilder.Leb((ulong)i), 0x5F, 0])]))
            .Build();
        Assert.Null(Modules.Refusal(Chain(63)));
        Refused(Chain(64), ModuleLimits.Default, "sub type 64 has too many supertypes");
    }

    [Fact]
    public void A_group_of_many_types_that_refer_to_each_other_is_accepted()
    {
        const int Count = 20_000;
        byte[] types = [.. Enumerable.Range(0, Count).SelectMany(i => (byte[])[0x5F, 1, 0x63, .. ModuleBuilder.SignedLeb((ulong)((i + 1) % Count)), 1])];
        byte[] module = new ModuleBuilder().Section(1, [1, 0x4E, .. ModuleBuilder.Leb(Count), .. types]).Build();
        ModuleDefinition definition = Modules.Load(module);
        Assert.Same(definition.Types[0], definition.Types[Count - 1].Fields[0].Type.HeapType.Defined);
    }

    private static void Refused(byte[] module, ModuleLimits limits, string expected)
    {
        ModuleException? exception = Modules.Refusal(module, limits: limits);
        Assert.IsType<InvalidModuleException>(exception);
        Assert.StartsWith(expected, exception.Message);
    }

    private static byte[] WithLocals(uint count) => new ModuleBuilder()
        .Section(1, ModuleBuilder.Vector(ModuleBuilder.FunctionType([], [])))
        .Section(3, ModuleBuilder.Vector([0]))
        .Section(10, ModuleBuilder.Vector(ModuleBuilder.Body([1, .. ModuleBuilder.Leb(count), 0x7E], 0x0B)))
        .Build();

    private static byte[] Nested(int depth) => ModuleBuilder.WithCode(
        [.. Enumerable.Repeat((byte[])[0x02, 0x40], depth).SelectMany(bytes => bytes), .. Enumerable.Repeat((byte)0x0B, depth + 1)]);
}
