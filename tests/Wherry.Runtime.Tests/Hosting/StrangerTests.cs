namespace Wherry.Tests.Hosting;

/// <summary>Functions of one store are not given to guests of another: they would use memory that may be somebody else's by then.</summary>
public sealed class StrangerTests
{
    private const string Text = """
        (module
          (import "host" "get" (func $get (result funcref)))
          (table (export "table") 1 10 funcref)
          (global (export "global") (mut funcref) (ref.null func))
          (global (export "external") (mut externref) (ref.null extern))
          (tag (export "tag") (param funcref))
          (func (export "take") (param funcref) (table.set (i32.const 0) (local.get 0)))
          (func (export "fetch") (table.set (i32.const 0) (call $get))))
        """;

    [Fact]
    public void A_function_of_another_store_is_refused()
    {
        var other = new Store(Engine.Default);
        Function stranger = Function.Create(other, () => 1);
        Instance guest = Instantiate(stranger);
        _ = Assert.Throws<ArgumentException>(() => guest.GetTable("table")![0] = stranger);
        _ = Assert.Throws<ArgumentException>(() => guest.GetTable("table")!.Grow(1, stranger));
        _ = Assert.Throws<ArgumentException>(() => Table.Create(guest.Store, new TableType(WasmValueType.FuncRef, 1), stranger));
        _ = Assert.Throws<ArgumentException>(() => guest.GetGlobal("global")!.Value = stranger);
        _ = Assert.Throws<ArgumentException>(() => Global.Create(guest.Store, new GlobalType(WasmValueType.FuncRef, false), stranger));
        _ = Assert.Throws<ArgumentException>(() => guest.GetFunction("take")!.Invoke(stranger));
        _ = Assert.Throws<ArgumentException>(() => guest.GetFunction<Action<Function?>>("take")!(stranger));
        _ = Assert.Throws<ArgumentException>(() => guest.GetFunction<Action<object?>>("take")!(stranger));
        _ = Assert.Throws<ArgumentException>(() => new WasmException(guest.GetTag("tag")!, stranger));
        _ = Assert.ThrowsAny<Exception>(guest.GetFunction<Action>("fetch")!);
        Assert.Null(guest.GetTable("table")![0]);

        // What can't be called may be anything.
        guest.GetGlobal("external")!.Value = stranger;
        Assert.Same(stranger, guest.GetGlobal("external")!.Value);
    }

    [Fact]
    public void A_function_of_the_same_store_is_taken()
    {
        Instance guest = Instantiate(null);
        Function own = Function.Create(guest.Store, () => 1);
        guest.GetFunction<Action<Function?>>("take")!(own);
        Assert.Same(own, guest.GetTable("table")![0]);
        guest.GetFunction<Action<Function?>>("take")!(null);
        Assert.Null(guest.GetTable("table")![0]);
        Assert.Same(own, new WasmException(guest.GetTag("tag")!, own).Values[0]);
    }

    [Fact]
    public void The_values_of_an_exception_are_of_its_tags_types()
    {
        Instance guest = Instantiate(null);
        _ = Assert.Throws<ArgumentException>(() => new WasmException(guest.GetTag("tag")!, "text"));
    }

    private static Instance Instantiate(Function? function)
    {
        var linker = new Linker(Engine.Default);
        linker.DefineFunction("host", "get", () => function!);
        return linker.Instantiate(new Store(Engine.Default), Module.Load(Engine.Default, WatConverter.ToBinary(Text)));
    }
}
