namespace Wherry.Tests;

/// <summary>Files that stand beside the repository, in ../shared: a test that needs one is skipped where it is not there, except in CI.</summary>
internal static class SharedFiles
{
    /// <summary>The path of a file or folder in ../shared.</summary>
    public static string Find(string relative)
    {
        string path = Path.Combine(Root(), "..", "shared", relative);
        if (!File.Exists(path) && !Directory.Exists(path))
        {
            string reason = $"../shared/{relative} is missing: put the folder of test suites and guests, as its maintainers give it to contributors, beside the project under the name shared";
            if (Environment.GetEnvironmentVariable("WHERRY_CI") == "1")
            {
                Assert.Fail(reason);
            }

            Assert.Skip(reason);
        }

        return Path.GetFullPath(path);
    }

    private static string Root()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Wherry.slnx")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException("The tests run outside of the repository.");
    }
}
