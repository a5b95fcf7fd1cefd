namespace Wherry.Browser.Tests;

/// <summary>The machine's Chromium, driven by Playwright; none is downloaded. Without one the tests are skipped.</summary>
public sealed class Browser : IAsyncLifetime
{
    private static readonly string[] Programs = ["chromium", "chromium-browser", "google-chrome"];

    private IPlaywright? playwright;
    private IBrowser? browser;

    public async ValueTask InitializeAsync()
    {
        if (FindProgram() is { } program)
        {
            SetDefaultExpectTimeout((float)RunningCommand.Patience.TotalMilliseconds);
            playwright = await Playwright.CreateAsync();

            // Chromium's own sandbox needs a user that is not root, and namespaces that containers often lack. It is shown our own pages only.
            browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
            {
                ExecutablePath = program,
                Args = ["--no-sandbox", "--disable-dev-shm-usage"],
                Timeout = (float)RunningCommand.Patience.TotalMilliseconds,
            });
        }
    }

    private static string? FindProgram() => Programs
        .SelectMany(name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, name))).FirstOrDefault(File.Exists);

    public async ValueTask DisposeAsync()
    {
        if (browser is not null)
        {
            await browser.CloseAsync();
        }

        playwright?.Dispose();
    }

    /// <summary>A browser without a past: its own cookies and storage.</summary>
    public async Task<IBrowserContext> NewContextAsync(BrowserNewContextOptions? options = null)
    {
        if (browser is null)
        {
            Repository.MissingTool("Chromium is not installed: apt-get install chromium");
        }

        IBrowserContext context = await browser!.NewContextAsync(options ?? new BrowserNewContextOptions());
        context.SetDefaultTimeout((float)RunningCommand.Patience.TotalMilliseconds);
        return context;
    }

    /// <summary>Whether pictures for the documentation are wanted: WHERRY_SCREENSHOTS=1 puts them into docs/.</summary>
    public static bool KeepsPictures => Environment.GetEnvironmentVariable("WHERRY_SCREENSHOTS") == "1";

    /// <summary>A picture of the page for the documentation, if they are wanted.</summary>
    public static async Task KeepPictureAsync(IPage page, string name)
    {
        if (KeepsPictures)
        {
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Repository.Root, "docs", name), FullPage = true });
        }
    }
}
