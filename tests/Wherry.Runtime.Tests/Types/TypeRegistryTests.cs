using System.Runtime.CompilerServices;
using Wherry.Binary;
using Wherry.Tests.Binary;
using Wherry.Types;

namespace Wherry.Tests.Types;

public class TypeRegistryTests
{
    // A reference to itself makes a recursion group; the type of the element makes it this test's own.
    private static byte[] ListModule(byte element) => new ModuleBuilder()
        .Section(1, ModuleBuilder.Vector([0x4E, 1, 0x50, 0, 0x5F, 2, element, 1, 0x63, 0, 0]))
        .Build();

    [Fact]
    public void Equal_groups_of_different_modules_are_the_same_types()
    {
        ModuleDefinition first = Modules.Load(ListModule(0x7C));
        ModuleDefinition second = Modules.Load(ListModule(0x7C));
        ModuleDefinition other = Modules.Load(ListModule(0x7D));
        Assert.Same(first.Types[0], second.Types[0]);
        Assert.NotSame(first.Types[0], other.Types[0]);
        Assert.NotEqual(first.Types[0].Number, other.Types[0].Number);
        Assert.Same(first.Types[0], first.Types[0].Fields[1].Type.HeapType.Defined);
    }

    [Fact]
    public void A_group_is_not_its_members_one_by_one()
    {
        byte[] function = ModuleBuilder.FunctionType([], [0x7D, 0x7D, 0x7D]);
        ModuleDefinition apart = Modules.Load(new ModuleBuilder().Section(1, ModuleBuilder.Vector(function, function)).Build());
        ModuleDefinition together = Modules.Load(new ModuleBuilder().Section(1, ModuleBuilder.Vector([0x4E, 2, .. function, .. function])).Build());
        Assert.Same(apart.Types[0], apart.Types[1]);
        Assert.NotSame(together.Types[0], together.Types[1]);
        Assert.NotSame(apart.Types[0], together.Types[0]);
    }

    [Fact]
    public void Function_types_of_the_host_are_those_of_modules()
    {
        ModuleDefinition module = Modules.Load(new ModuleBuilder().Section(1, ModuleBuilder.Vector(ModuleBuilder.FunctionType([0x7F, 0x6F], [0x7E]))).Build());
        Assert.Same(module.Types[0], TypeRegistry.Intern(new FunctionType([WasmValueType.I32, WasmValueType.ExternRef], [WasmValueType.I64])));
        Assert.Same(
            TypeRegistry.Intern(new FunctionType([WasmValueType.Reference(module.Types[0], true)], [])),
            TypeRegistry.Intern(new FunctionType([WasmValueType.Reference(module.Types[0], true)], [])));
    }

    [Fact]
    public void Supertypes_are_known_by_depth()
    {
        // $a; $b is a sub type of $a; $c of $b.
        ModuleDefinition module = Modules.Load(new ModuleBuilder()
            .Section(1, ModuleBuilder.Vector([0x50, 0, 0x5F, 0], [0x50, 1, 0, 0x5F, 1, 0x7D, 1], [0x50, 1, 1, 0x5F, 2, 0x7D, 1, 0x7C, 1]))
            .Build());
        (DefinedType a, DefinedType b, DefinedType c) = (module.Types[0], module.Types[1], module.Types[2]);
        Assert.True(c.IsSubtypeOf(a));
        Assert.True(c.IsSubtypeOf(b));
        Assert.True(c.IsSubtypeOf(c));
        Assert.False(a.IsSubtypeOf(b));
        Assert.Equal(2, c.Depth);
    }

    [Fact]
    public void A_type_that_contains_itself_has_a_short_name()
    {
        // Two functions that take each other.
        ModuleDefinition module = Modules.Load(new ModuleBuilder()
            .Section(1, ModuleBuilder.Vector([0x4E, 2, 0x60, 1, 0x63, 1, 0, 0x60, 2, 0x63, 0, 0x63, 1, 0]))
            .Build());
        Assert.InRange(module.Types[1].ToString().Length, 5, 100);
        Assert.InRange(module.Types[1].Function!.ToString().Length, 5, 100);
    }

    [Fact]
    public void Types_that_no_module_uses_are_given_back()
    {
        (WeakReference type, int number) = LoadAndDrop();
        for (int i = 0; i < 20 && type.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(type.IsAlive);
        DefinedType again = Modules.Load(Unique()).Types[0];
        Assert.NotEqual(number, again.Number);
    }

    private static byte[] Unique() => new ModuleBuilder().Section(1, ModuleBuilder.Vector(ModuleBuilder.FunctionType([0x7B, 0x7C, 0x7B], [0x7C, 0x7B]))).Build();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (WeakReference Type, int Number) LoadAndDrop()
    {
        DefinedType type = Modules.Load(Unique()).Types[0];
        return (new WeakReference(type), type.Number);
    }
}
