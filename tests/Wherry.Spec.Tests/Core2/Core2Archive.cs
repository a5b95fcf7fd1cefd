using System.IO.Compression;
using System.Text.Json;

namespace Wherry.Spec.Tests.Core2;

/// <summary>The converted suite of Wasm 2.0: a JSON file with commands for each script, beside the modules that it names.</summary>
internal static class Core2Archive
{
    private const string Name = "core-2.0.zip";

    public static IEnumerable<string> Scripts
    {
        get
        {
            if (FindFile() is not { } path)
            {
                return [];
            }

            using ZipArchive archive = ZipFile.OpenRead(path);
            return [.. archive.Entries.Select(entry => entry.FullName).Where(name => name.EndsWith(".json", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        }
    }

    public static (JsonDocument Commands, Dictionary<string, byte[]> Modules) Read(string script)
    {
        if (FindFile() is not { } path)
        {
            throw new FileNotFoundException($"No ../shared/spec/{Name} next to the project.");
        }

        using ZipArchive archive = ZipFile.OpenRead(path);
        string folder = script[..(script.LastIndexOf('/') + 1)];
        var modules = new Dictionary<string, byte[]>();
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            if (entry.FullName.StartsWith(folder, StringComparison.Ordinal) && entry.FullName != script)
            {
                modules.Add(entry.FullName[folder.Length..], Read(entry));
            }
        }

        return (JsonDocument.Parse(Read(archive.GetEntry(script)!)), modules);
    }

    /// <summary>How many assertions a script has, whatever becomes of them.</summary>
    public static int CountAssertions(string script)
    {
        using JsonDocument commands = Read(script).Commands;
        return commands.RootElement.GetProperty("commands").EnumerateArray().Count(command => command.GetProperty("type").GetString()!.StartsWith("assert_", StringComparison.Ordinal));
    }

    private static byte[] Read(ZipArchiveEntry entry)
    {
        using Stream stream = entry.Open();
        var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static string? FindFile()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine(folder.FullName, "shared", "spec", Name);
            if (File.Exists(path))
            {
                return path;
            }
        }

        return null;
    }
}
