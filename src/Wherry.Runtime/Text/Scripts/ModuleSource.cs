namespace Wherry.Text.Scripts;

/// <summary>A module in a script: as text, as quoted text, or as bytes.</summary>
/// <param name="Name">Its name in the script.</param>
internal abstract record ModuleSource(string? Name)
{
    /// <summary>The module in the binary format.</summary>
    /// <exception cref="TextFormatException">The text is malformed.</exception>
    public abstract byte[] ToBytes(WatOptions options);
}

internal sealed record BinaryModuleSource(string? Name, byte[] Bytes) : ModuleSource(Name)
{
    public override byte[] ToBytes(WatOptions options) => Bytes;
}

/// <param name="Text">What the quoted strings say.</param>
internal sealed record QuotedModuleSource(string? Name, byte[] Text) : ModuleSource(Name)
{
    public override byte[] ToBytes(WatOptions options) => ModuleParser.Parse(new TextSource(Text, "quoted module"), options);
}

/// <param name="Fields">The token at which its fields start.</param>
internal sealed record TextModuleSource(string? Name, TextSource Script, int Fields) : ModuleSource(Name)
{
    public override byte[] ToBytes(WatOptions options)
    {
        foreach (Annotation annotation in Script.Annotations)
        {
            annotation.IsTaken &= annotation.TokenIndex < Fields;
        }

        return ModuleParser.ParseFields(new TokenCursor(Script, Script.Tokens, Fields), Name, options);
    }
}
