using Wherry.Binary;

namespace Wherry.Tests.Binary;

public class ModuleDecoderTests
{
    private const string Header = "0061736d01000000";

    [Theory]
    [InlineData("", "unexpected end", 0)]
    [InlineData("0061736d", "unexpected end", 4)]
    [InlineData("0061736e01000000", "magic header not detected", 0)]
    [InlineData("7b7b7b7b7b7b7b7b", "magic header not detected", 0)]
    [InlineData("0061736d0d000000", "unknown binary version", 4)]
    [InlineData("0061736d0d000100", "unknown binary version: this is a component", 4)]
    [InlineData(Header + "0e00", "malformed section id", 8)]
    [InlineData(Header + "7f0100", "malformed section id", 8)]
    [InlineData(Header + "01", "unexpected end", 9)]
    [InlineData(Header + "0105", "length out of bounds", 9)]
    [InlineData(Header + "01ffffffff0f", "length out of bounds", 9)]
    [InlineData(Header + "0100", "unexpected end", 10)]
    [InlineData(Header + "010100" + "010100", "unexpected content after last section", 11)]
    [InlineData(Header + "030100" + "010100", "unexpected content after last section", 11)]
    [InlineData(Header + "0a0100" + "0c0100", "unexpected content after last section", 11)]
    [InlineData(Header + "060100" + "0d0100", "unexpected content after last section", 11)]
    [InlineData(Header + "01020000", "section size mismatch", 11)]
    [InlineData(Header + "010201ff", "integer representation too long: malformed definition type", 11)]
    [InlineData(Header + "01020140", "malformed definition type", 11)]
    [InlineData(Header + "0105ffffffff0f", "unexpected end", 10)]
    [InlineData(Header + "01040160017a", "malformed value type", 13)]
    [InlineData(Header + "01050160017a00", "malformed value type", 13)]
    [InlineData(Header + "02040100" + "0005", "malformed import kind", 13)]
    [InlineData(Header + "020401000180", "malformed UTF-8 encoding", 12)]
    [InlineData(Header + "0204016180" + "00", "length out of bounds", 11)]
    [InlineData(Header + "04040170" + "0800", "malformed limits flags", 12)]
    [InlineData(Header + "0404017f" + "0000", "malformed reference type", 11)]
    [InlineData(Header + "0503011000", "malformed limits flags", 11)]
    [InlineData(Header + "0606017f02" + "41000b", "malformed mutability", 12)]
    [InlineData(Header + "0605017f00" + "4100", "unexpected end", 15)]
    [InlineData(Header + "0705010161" + "0500", "malformed export kind", 13)]
    [InlineData(Header + "09050108" + "41000b", "malformed elements segment kind", 11)]
    [InlineData(Header + "0b020103", "malformed data segment kind", 11)]
    [InlineData(Header + "0b0301" + "0105", "unexpected end", 12)]
    [InlineData(Header + "0c0101", "data count and data section have inconsistent lengths", 11)]
    [InlineData(Header + "010401600000" + "03020100", "function and code section have inconsistent lengths", 18)]
    [InlineData(Header + "0a050102000b0b", "section size mismatch", 14)]
    [InlineData(Header + "0a040102000b", "function and code section have inconsistent lengths", 14)]
    [InlineData(Header + "010401600000" + "03020100" + "0a0c010a02ffffffff0f7f027f0b", "too many locals", -1)]
    [InlineData(Header + "0003026180", "malformed UTF-8 encoding", 11)]
    [InlineData(Header + "0001" + "05", "length out of bounds", 10)]
    public void Bytes_that_are_no_module(string hex, string expected, int offset)
    {
        MalformedModuleException exception = Assert.Throws<MalformedModuleException>(() => Modules.Load(Convert.FromHexString(hex)));
        Assert.StartsWith(expected, exception.Message);
        Assert.EndsWith($"(at offset 0x{exception.Offset:x})", exception.Message);
        Assert.InRange(exception.Offset, 0, hex.Length / 2);
        if (offset >= 0)
        {
            Assert.Equal(offset, exception.Offset);
        }
    }

    [Theory]
    [InlineData("ff", "illegal opcode ff")]
    [InlineData("27", "illegal opcode 27")]
    [InlineData("fc7f", "illegal opcode fc 7f")]
    [InlineData("fd808008", "illegal opcode fd")]
    [InlineData("4100", "END opcode expected")]
    [InlineData("050b", "END opcode expected: else without if")]
    [InlineData("fe030100000b", "zero byte expected")]
    [InlineData("0b01", "section size mismatch")]
    [InlineData("024141000b", "malformed value type")]
    [InlineData("41002880010000", "malformed memop flags")]
    public void Code_that_is_malformed(string hex, string expected)
    {
        // A custom section behind it, so that the code is not at the end of the module.
        byte[] module = [.. ModuleBuilder.WithCode(Convert.FromHexString(hex)), 0, 2, 1, (byte)'a'];
        MalformedModuleException exception = Assert.Throws<MalformedModuleException>(() => Modules.Load(module));
        Assert.StartsWith(expected, exception.Message);
    }

    [Theory]
    [InlineData(WasmFeatures.GarbageCollection, "gc", "010401" + "5f00" + "00")]
    [InlineData(WasmFeatures.Memory64, "memory64", "05030104" + "00")]
    [InlineData(WasmFeatures.Threads, "threads", "05040103" + "0001")]
    [InlineData(WasmFeatures.MultiMemory, "multi-memory", "0505020000" + "0000")]
    [InlineData(WasmFeatures.Simd, "simd", "0105" + "0160017b00")]
    [InlineData(WasmFeatures.BulkMemory, "bulk-memory", "0c0100")]
    [InlineData(WasmFeatures.MultiValue, "multi-value", "0106" + "0160" + "00027f7f")]
    [InlineData(WasmFeatures.ReferenceTypes, "reference-types", "0407" + "02700000" + "700000")]
    [InlineData(WasmFeatures.MutableGlobals, "mutable-globals", "0206" + "010000037f01")]
    public void A_feature_that_is_off_is_named(WasmFeatures feature, string name, string hex)
    {
        byte[] module = Convert.FromHexString(Header + hex);
        WasmFeatures features = WasmFeatures.Default & ~feature;
        ModuleException? exception = Modules.Refusal(module, features);
        Assert.NotNull(exception);
        Assert.Contains($"needs the feature {name}, which is off", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_instruction_whose_feature_is_off_is_named_with_it()
    {
        byte[] module = ModuleBuilder.WithCode([0x41, 0, 0xC0, 0x1A, 0x0B]);
        ModuleException? exception = Modules.Refusal(module, WasmFeatures.None);
        Assert.NotNull(exception);
        Assert.StartsWith("The instruction i32.extend8_s needs the feature sign-extension, which is off", exception.Message);
    }

    [Fact]
    public void Features_used_are_noted()
    {
        ModuleDefinition module = Modules.Load(ModuleBuilder.WithCode([0x41, 0, 0xC0, 0x1A, 0x0B]));
        Assert.Equal(WasmFeatures.SignExtension, module.FeaturesUsed);
    }

    [Fact]
    public void A_rule_of_validation_broken_early_does_not_hide_that_the_rest_is_malformed()
    {
        // Function 0 has an unknown type; a section follows whose id does not exist.
        byte[] module = Convert.FromHexString(Header + "03020107" + "7f00");
        Assert.StartsWith("malformed section id", Assert.Throws<MalformedModuleException>(() => Modules.Load(module)).Message);
        Assert.StartsWith("unknown type 7", Assert.Throws<InvalidModuleException>(() => Modules.Load([.. module[..^2], .. Convert.FromHexString("0a040102000b")])).Message);
    }

    [Fact]
    public void Custom_sections_are_kept_with_their_places()
    {
        byte[] module = new ModuleBuilder()
            .Section(0, [.. ModuleBuilder.Name("first"), 1, 2, 3])
            .Section(1, ModuleBuilder.Vector(ModuleBuilder.FunctionType([], [])))
            .Section(0, ModuleBuilder.Name("second"))
            .Build();
        ModuleDefinition definition = Modules.Load(module);
        Assert.Equal(["first", "second"], definition.CustomSections.Select(section => section.Name));
        Assert.Equal([0, 1], definition.CustomSections.Select(section => section.Place));
        CustomSection first = definition.CustomSections[0];
        Assert.Equal([1, 2, 3], module[first.Offset..(first.Offset + first.Length)]);
    }

    [Fact]
    public void Imports_come_first_in_each_index_space()
    {
        byte[] module = new ModuleBuilder()
            .Section(1, ModuleBuilder.Vector(ModuleBuilder.FunctionType([], []), ModuleBuilder.FunctionType([0x7F], [0x7E])))
            .Section(2, ModuleBuilder.Vector(
                [.. ModuleBuilder.Name("m"), .. ModuleBuilder.Name("f"), 0, 1],
                [.. ModuleBuilder.Name("m"), .. ModuleBuilder.Name("g"), 3, 0x7C, 0]))
            .Section(3, ModuleBuilder.Vector([0]))
            .Section(10, ModuleBuilder.Vector(ModuleBuilder.Body([0], 0x0B)))
            .Build();
        ModuleDefinition definition = Modules.Load(module);
        Assert.Equal(1, definition.ImportedFunctionCount);
        Assert.Equal("(i32) -> (i64)", definition.Functions[0].Function!.ToString());
        Assert.Equal("() -> ()", definition.Functions[1].Function!.ToString());
        Assert.Equal(WasmValueType.F64, definition.Globals[0].Type.ValueType);
        Assert.Equal(("m", "g", ExternalKind.Global, 0), (definition.Imports[1].Module, definition.Imports[1].Name, definition.Imports[1].Kind, definition.Imports[1].Index));
    }
}
