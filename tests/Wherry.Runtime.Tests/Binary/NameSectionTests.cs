using Wherry.Binary;

namespace Wherry.Tests.Binary;

public class NameSectionTests
{
    [Fact]
    public void Names_of_modules_functions_and_locals_are_found()
    {
        NameSection names = Names(
            [0, 4, .. ModuleBuilder.Name("mod")],
            [1, 8, 2, 0, .. ModuleBuilder.Name("f"), 3, .. ModuleBuilder.Name("gg")],
            [2, 9, 1, 3, 2, 0, .. ModuleBuilder.Name("x"), 1, .. ModuleBuilder.Name("y")]);
        Assert.Equal("mod", names.ModuleName);
        Assert.Equal("f", names.GetFunctionName(0));
        Assert.Equal("gg", names.GetFunctionName(3));
        Assert.Null(names.GetFunctionName(1));
        Assert.Equal("y", names.GetLocalName(3, 1));
        Assert.Null(names.GetLocalName(0, 1));
        Assert.Null(names.GetLocalName(3, 2));
        Assert.Null(names.GetGlobalName(0));
    }

    [Fact]
    public void What_stands_before_garbage_is_used()
    {
        // The second part claims more bytes than there are; the map in the first claims more names than it has.
        NameSection names = Names([1, 4, 2, 0, .. ModuleBuilder.Name("f")], [2, 100, 1]);
        Assert.Equal("f", names.GetFunctionName(0));
        Assert.Null(names.GetLocalName(0, 0));
        Assert.Null(names.ModuleName);
    }

    [Fact]
    public void A_name_that_is_no_UTF_8_is_shown_as_well_as_it_can_be() =>
        Assert.Equal("a\uFFFD", Names([1, 5, 1, 0, 2, (byte)'a', 0xFF]).GetFunctionName(0));

    [Fact]
    public void A_module_without_the_section_has_no_names()
    {
        ModuleDefinition module = Modules.Load(new ModuleBuilder().Build());
        Assert.Null(module.Names.GetFunctionName(0));
        Assert.Equal("function 7", module.DescribeFunction(7));
    }

    private static NameSection Names(params byte[][] parts) =>
        Modules.Load(new ModuleBuilder().Section(0, [.. ModuleBuilder.Name("name"), .. parts.SelectMany(part => part)]).Build()).Names;
}
