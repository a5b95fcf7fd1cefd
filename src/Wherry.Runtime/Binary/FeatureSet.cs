using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Wherry.Binary;

/// <summary>Keeps the features that are on, and notes which of them a module uses.</summary>
internal sealed class FeatureSet(WasmFeatures enabled)
{
    public WasmFeatures Enabled { get; } = enabled;

    public WasmFeatures Used { get; private set; }

    /// <summary>The name of a proposal, as its repository has it.</summary>
    public static string NameOf(WasmFeatures feature) => feature switch
    {
        WasmFeatures.SignExtension => "sign-extension",
        WasmFeatures.SaturatingFloatToInt => "saturating-float-to-int",
        WasmFeatures.MultiValue => "multi-value",
        WasmFeatures.MutableGlobals => "mutable-globals",
        WasmFeatures.BulkMemory => "bulk-memory",
        WasmFeatures.ReferenceTypes => "reference-types",
        WasmFeatures.Simd => "simd",
        WasmFeatures.RelaxedSimd => "relaxed-simd",
        WasmFeatures.TailCalls => "tail-call",
        WasmFeatures.ExtendedConstants => "extended-const",
        WasmFeatures.FunctionReferences => "function-references",
        WasmFeatures.GarbageCollection => "gc",
        WasmFeatures.ExceptionHandling => "exception-handling",
        WasmFeatures.LegacyExceptions => "legacy-exceptions",
        WasmFeatures.MultiMemory => "multi-memory",
        WasmFeatures.Memory64 => "memory64",
        WasmFeatures.Threads => "threads",
        WasmFeatures.CustomPageSizes => "custom-page-sizes",
        WasmFeatures.WideArithmetic => "wide-arithmetic",
        WasmFeatures.CustomDescriptors => "custom-descriptors",
        _ => feature.ToString(),
    };

    public bool IsOn(WasmFeatures feature) => (Enabled & feature) != 0;

    /// <summary>Refuses the module unless the feature is on.</summary>
    /// <param name="feature">One feature, or several of which one is enough.</param>
    /// <param name="what">What needs it, at the start of a sentence.</param>
    /// <param name="offset">Where that stands in the module.</param>
    public void Require(WasmFeatures feature, string what, long offset)
    {
        if ((Used & feature) == 0 && feature != 0)
        {
            Note(feature, what, offset);
        }
    }

    /// <summary>Takes over what another set has noted.</summary>
    public void Merge(WasmFeatures used) => Used |= used;

    /// <summary>Refuses the module unless the features that a value type needs are on.</summary>
    public void Require(EncodedValueType type, long offset)
    {
        switch (type.Kind)
        {
            case WasmValueKind.V128:
                Require(WasmFeatures.Simd, "The type v128", offset);
                break;
            case WasmValueKind.Reference:
                Require(type.HeapType, offset);
                if (!type.IsNullable)
                {
                    Require(WasmFeatures.FunctionReferences | WasmFeatures.GarbageCollection, "A reference type that excludes null", offset);
                }

                break;
        }
    }

    /// <summary>Refuses the module unless the features that a heap type needs are on.</summary>
    public void Require(EncodedHeapType type, long offset)
    {
        switch (type.Kind)
        {
            case HeapTypeKind.Func:
            case HeapTypeKind.Extern:
                Require(WasmFeatures.ReferenceTypes, "A reference type", offset);
                break;
            case HeapTypeKind.Exn:
            case HeapTypeKind.NoExn:
                Require(WasmFeatures.ExceptionHandling, "The type exnref", offset);
                break;
            case HeapTypeKind.Defined:
                Require(WasmFeatures.FunctionReferences | WasmFeatures.GarbageCollection, "A reference to a defined type", offset);
                if (type.IsExact)
                {
                    Require(WasmFeatures.CustomDescriptors, "An exact type", offset);
                }

                break;
            default:
                Require(WasmFeatures.GarbageCollection, "This reference type", offset);
                break;
        }
    }

    private void Note(WasmFeatures feature, string what, long offset)
    {
        WasmFeatures on = feature & Enabled;
        if (on == 0)
        {
            ThrowOff(feature, what, offset);
        }

        // Of several that would do, the first that is on.
        Used |= (WasmFeatures)(1 << BitOperations.TrailingZeroCount((int)on));
    }

    [DoesNotReturn]
    private static void ThrowOff(WasmFeatures feature, string what, long offset)
    {
        List<string> names = [];
        for (int bits = (int)feature; bits != 0; bits &= bits - 1)
        {
            names.Add(NameOf((WasmFeatures)(1 << BitOperations.TrailingZeroCount(bits))));
        }

        InvalidModuleException.Throw($"{what} needs the feature {string.Join(" or ", names)}, which is off", offset);
    }
}
