namespace Wherry.Testing;

/// <summary>Where things are, found from the place of the tests.</summary>
internal static class Repository
{
#if DEBUG
    private const string Configuration = "Debug";
#else
    private const string Configuration = "Release";
#endif

    public static string Root { get; } = FindRoot();

    /// <summary>The command as its own project built it.</summary>
    public static string Command { get; } = Path.Combine(Root, "src", "Wherry.Cli", "bin", Configuration, "net10.0", "wherry.dll");

    public static string Example(string name) => Path.Combine(Root, "examples", name);

    /// <summary>A file that is not part of the project. Without it the test is skipped; where nothing may be skipped, it fails.</summary>
    public static string Shared(string name)
    {
        string path = Path.Combine(Root, "..", "shared", name);
        if (!File.Exists(path))
        {
            MissingTool($"needs ../shared/{name}, which is not here: put the folder of test suites and guests, as its maintainers give it to contributors, beside the project under the name shared");
        }

        return Path.GetFullPath(path);
    }

    /// <summary>Skips the test; where nothing may be skipped, fails it.</summary>
    public static void MissingTool(string reason)
    {
        if (Environment.GetEnvironmentVariable("WHERRY_CI") == "1")
        {
            Assert.Fail(reason);
        }

        Assert.Skip(reason);
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Wherry.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("The tests run outside of the project.");
    }
}
