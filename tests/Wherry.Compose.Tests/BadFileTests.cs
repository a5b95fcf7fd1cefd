namespace Wherry.Compose.Tests;

/// <summary>Files that are wrong, each beside what is said about it: file, line, column, what is wrong, what to write.</summary>
public sealed class BadFileTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "Wherry.Compose.Tests", "Bad");

    public static TheoryData<string> Names => [.. Directory.GetFiles(Folder, "*.yaml").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_wrong_is_told_with_its_place(string name)
    {
        var options = new ComposeLoadOptions { Files = [Path.Combine(Folder, name + ".yaml")], Folder = Folder, Environment = _ => null };
        ComposeFileException exception = Assert.Throws<ComposeFileException>(() => ComposeLoader.Load(options));
        string told = string.Concat(exception.Diagnostics.Select(diagnostic => diagnostic.ToString().Replace(Folder + "/", "", StringComparison.Ordinal) + "\n"));
        Assert.Equal(File.ReadAllText(Path.Combine(Folder, name + ".txt")), told);
    }

    [Fact]
    public async Task The_command_prints_each_message_on_a_line_and_ends_with_code_126()
    {
        Result result = await RunningCommand.WherryAsync("config", "-f", Path.Combine(Folder, "limits.yaml"));
        result.Expect(126);
        Assert.Empty(result.Output);
        string[] lines = result.Error.TrimEnd('\n').Split('\n');
        Assert.Equal(4, lines.Length);
        Assert.All(lines, line => Assert.StartsWith($"wherry: {Folder}/limits.yaml:", line, StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_of_aliases_that_stand_for_too_much_is_refused()
    {
        using var folder = new TemporaryFolder();
        var text = new System.Text.StringBuilder("x-a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n");
        for (int i = 1; i < 12; i++)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"x-a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        }

        folder.Write("compose.yaml", text.ToString());
        Assert.Contains("stand for more than", Assert.Throws<ComposeFileException>(() => ComposeLoader.Load(new ComposeLoadOptions { Folder = folder.Path })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_nested_too_deep_is_refused()
    {
        using var folder = new TemporaryFolder();
        folder.Write("compose.yaml", "x-a: " + new string('[', 5000) + new string(']', 5000) + "\n");
        Assert.Throws<ComposeFileException>(() => ComposeLoader.Load(new ComposeLoadOptions { Folder = folder.Path }));
    }
}
