using Wherry.Binary;
using Wherry.Validation;

namespace Wherry.Tests.Binary;

/// <summary>The way from bytes to a valid module.</summary>
internal static class Modules
{
    public const WasmFeatures AllFeatures = (WasmFeatures)(-1);

    public static ModuleDefinition Load(byte[] bytes, WasmFeatures features = AllFeatures, ModuleLimits? limits = null)
    {
        ModuleDefinition module = ModuleDecoder.Decode(bytes, features, limits ?? ModuleLimits.Default);
        ModuleValidator.Validate(module, features, limits ?? ModuleLimits.Default);
        return module;
    }

    /// <summary>The error that a module is refused with; null if it is accepted.</summary>
    public static ModuleException? Refusal(byte[] bytes, WasmFeatures features = AllFeatures, ModuleLimits? limits = null)
    {
        try
        {
            _ = Load(bytes, features, limits);
            return null;
        }
        catch (ModuleException exception)
        {
            return exception;
        }
    }
}
