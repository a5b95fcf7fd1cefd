using System.IO.Compression;
using System.Text.Json;
using Wherry.Tests.Binary;

namespace Wherry.Tests.Validation;

/// <summary>The modules of the official suite: good ones are accepted, bad ones refused with the text that the suite gives.</summary>
public class SuiteModuleTests
{
    [Fact]
    public void Modules_of_the_suite_are_accepted_or_refused_as_it_says()
    {
        using ZipArchive archive = ZipFile.OpenRead(SharedFiles.Find("spec/core-2.0.zip"));
        List<string> failures = [];
        int count = 0;
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            if (!entry.Name.EndsWith(".json", StringComparison.Ordinal))
            {
                continue;
            }

            using Stream stream = entry.Open();
            using JsonDocument script = JsonDocument.Parse(stream);
            foreach (JsonElement command in script.RootElement.GetProperty("commands").EnumerateArray())
            {
                if (command.TryGetProperty("filename", out JsonElement file) && file.GetString()!.EndsWith(".wasm", StringComparison.Ordinal))
                {
                    string folder = entry.FullName[..^entry.Name.Length];
                    byte[] module = Read(archive.GetEntry(folder + file.GetString())!);
                    if (Failure(command, module) is { } failure)
                    {
                        failures.Add($"{entry.Name}, line {command.GetProperty("line")}: {failure}");
                    }

                    count++;
                }
            }
        }

        Assert.True(failures.Count == 0, string.Join('\n', failures));
        Assert.True(count > 2900, $"only {count} modules were found");
    }

    private static string? Failure(JsonElement command, byte[] module)
    {
        string type = command.GetProperty("type").GetString()!;
        ModuleException? refusal = Modules.Refusal(module, WasmFeatures.Default);
        if (type is not ("assert_malformed" or "assert_invalid"))
        {
            return refusal is null ? null : $"refused: {refusal.Message}";
        }

        string text = command.GetProperty("text").GetString()!;
        bool isKind = type == "assert_malformed" ? refusal is MalformedModuleException : refusal is InvalidModuleException;
        return isKind && refusal!.Message.StartsWith(text, StringComparison.Ordinal) ? null : $"{type} \"{text}\", but found: {refusal?.Message ?? "no error"}";
    }

    private static byte[] Read(ZipArchiveEntry entry)
    {
        using Stream stream = entry.Open();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
