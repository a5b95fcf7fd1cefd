namespace Wherry.Fuzz.Robustness;

/// <summary>What an input is read as.</summary>
internal enum InputKind : byte
{
    /// <summary>A module in the binary format.</summary>
    Binary,

    /// <summary>A module in the text format.</summary>
    Text,

    /// <summary>A test script.</summary>
    Script,
}

/// <summary>Something well-formed, or nearly so, from which inputs are made.</summary>
internal sealed record Seed(InputKind Kind, string Origin, byte[] Bytes);
