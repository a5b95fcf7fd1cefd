using System.Reflection;

namespace Wherry.Up.Dashboard;

/// <summary>The page's files, which are parts of the program.</summary>
internal static class DashboardPage
{
    private static readonly (string Name, string Type)[] Known =
    [
        ("index.html", "text/html; charset=utf-8"),
        ("signin.html", "text/html; charset=utf-8"),
        ("dashboard.css", "text/css; charset=utf-8"),
        ("dashboard.js", "text/javascript; charset=utf-8"),
        ("formats.js", "text/javascript; charset=utf-8"),
        ("services.js", "text/javascript; charset=utf-8"),
        ("graphs.js", "text/javascript; charset=utf-8"),
        ("map.js", "text/javascript; charset=utf-8"),
        ("logs.js", "text/javascript; charset=utf-8"),
    ];

    private static readonly Dictionary<string, (byte[] Content, string Type)> Files = Known.ToDictionary(file => file.Name, file => (Load(file.Name), file.Type));

    public static bool TryGet(string name, out (byte[] Content, string Type) file) => Files.TryGetValue(name, out file);

    private static byte[] Load(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"dashboard/{name}")!;
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
