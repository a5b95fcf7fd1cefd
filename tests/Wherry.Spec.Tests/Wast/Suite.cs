namespace Wherry.Spec.Tests.Wast;

/// <summary>The official test suite, which stands beside the project.</summary>
internal static class Suite
{
    private static readonly string? Root = FindRoot();

    /// <summary>All scripts, as paths below the suite.</summary>
    public static IEnumerable<string> Files =>
        Root is null ? [] : Directory.EnumerateFiles(Root, "*.wast", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/')).Order(StringComparer.Ordinal);

    public static string PathOf(string file) => Path.Combine(Root!, file);

    /// <summary>Skips the test where the suite is missing; on the build machine that is a failure.</summary>
    public static void Require()
    {
        if (Root is not null)
        {
            return;
        }

        const string Reason = "The official suite is not at ../shared/spec/core: put the folder of test suites and guests, as its maintainers give it to contributors, beside the project under the name shared.";
        if (Environment.GetEnvironmentVariable("WHERRY_CI") == "1")
        {
            Assert.Fail(Reason);
        }

        Assert.Skip(Reason);
    }

    private static string? FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Wherry.slnx")))
            {
                string suite = Path.Combine(folder.FullName, "..", "shared", "spec", "core");
                return Directory.Exists(suite) ? Path.GetFullPath(suite) : null;
            }
        }

        return null;
    }
}
