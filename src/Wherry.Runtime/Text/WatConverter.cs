namespace Wherry;

/// <summary>Converts modules between the text format (WAT) and the binary format.</summary>
public static class WatConverter
{
    /// <summary>Reads a module in the text format.</summary>
    /// <param name="text">The text: one module, with or without <c>(module …)</c> around its fields.</param>
    /// <param name="sourceName">The name of its file, for errors.</param>
    /// <param name="emitNames">Whether its names become a name section.</param>
    /// <returns>The module in the binary format. It is well-formed, but not validated.</returns>
    /// <exception cref="TextFormatException">The text is not well-formed.</exception>
    public static byte[] ToBinary(string text, string? sourceName = null, bool emitNames = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        return ToBinary(System.Text.Encoding.UTF8.GetBytes(text), sourceName, emitNames);
    }

    /// <summary>Reads a module in the text format from its UTF-8 bytes.</summary>
    /// <inheritdoc cref="ToBinary(string, string?, bool)"/>
    public static byte[] ToBinary(ReadOnlySpan<byte> text, string? sourceName = null, bool emitNames = false) =>
        Text.ModuleParser.Parse(new Text.TextSource(text.ToArray(), sourceName), Text.WatOptions.Default with { EmitNames = emitNames });

    /// <summary>Prints a module in the text format. Reading the text gives the same module again; the module need not be valid.</summary>
    /// <param name="module">The module in the binary format.</param>
    /// <exception cref="MalformedModuleException">The bytes are not a module.</exception>
    public static string ToText(ReadOnlyMemory<byte> module) => Text.Printing.ModulePrinter.Print(module);
}
