namespace Wherry.Cli.Options;

/// <summary>What <c>wherry run</c> tells of a guest that has ended.</summary>
[Flags]
internal enum Statistics
{
    None = 0,
    Instructions = 1,
    Fuel = 2,
    Time = 4,
}
