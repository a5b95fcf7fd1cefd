namespace Wherry;

/// <summary>A call on a guest's stack.</summary>
/// <param name="ModuleName">The module's name, if it has one.</param>
/// <param name="FunctionIndex">The function's index in its module.</param>
/// <param name="FunctionName">Its name by the module's name section or exports, if it has one.</param>
/// <param name="Offset">The offset of the instruction in the module, if it is known.</param>
/// <param name="SourceFile">The source file, if the guest was built with debug information.</param>
/// <param name="SourceLine">The line in it, or 0.</param>
public sealed record GuestStackFrame(string? ModuleName, int FunctionIndex, string? FunctionName, long? Offset, string? SourceFile, int SourceLine)
{
    /// <summary>For example <c>add (app.wasm+0x1234) in main.c:12</c>.</summary>
    public override string ToString()
    {
        string name = FunctionName ?? $"function[{FunctionIndex}]";
        string module = ModuleName ?? "module";
        string place = Offset is long offset ? $"{module}+0x{offset:x}" : module;
        return SourceFile is null ? $"{name} ({place})" : $"{name} ({place}) in {SourceFile}:{SourceLine}";
    }
}
