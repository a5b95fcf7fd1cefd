using Wherry.Fuzz.Differential;

namespace Wherry.Fuzz.Tests;

/// <summary>Random modules do what they did in V8, which was recorded.</summary>
public class CorpusTests
{
    [Theory]
    [InlineData("corpus.bin", 600)]
    [InlineData("shapes.bin", 320)]
    public void Recorded_modules_do_what_they_did_in_V8(string corpus, int count)
    {
        string?[] differences = [.. CorpusCommand.Replay(Path.Combine(AppContext.BaseDirectory, corpus))];
        Assert.Equal(count, differences.Length);
        string found = string.Join('\n', differences.Select((difference, index) => difference is null ? null : $"module {index}: {difference}").OfType<string>());
        Assert.True(found.Length == 0, found);
    }
}
