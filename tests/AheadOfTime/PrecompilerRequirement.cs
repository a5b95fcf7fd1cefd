namespace Wherry.Tests.AheadOfTime;

/// <summary>For tests that need crossgen2.</summary>
internal static class PrecompilerRequirement
{
    private const string Reason = "crossgen2 is not there: wherry compile gets it";

    /// <summary>Skips the test where crossgen2 is not there; fails it where it must be.</summary>
    public static void Check()
    {
        if (Precompiler.IsAvailable)
        {
            return;
        }

        if (Environment.GetEnvironmentVariable("WHERRY_CI") == "1")
        {
            Assert.Fail(Reason);
        }

        Assert.Skip(Reason);
    }
}
