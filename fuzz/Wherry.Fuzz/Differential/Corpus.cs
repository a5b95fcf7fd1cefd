using System.IO.Compression;
using System.Text.Json;

namespace Wherry.Fuzz.Differential;

/// <summary>Modules with what V8 made of them, in one compressed file: so they can be run where there is no V8.</summary>
internal static class Corpus
{
    /// <summary>A module, what is done with it, and what must be seen.</summary>
    public sealed record Entry(byte[] Module, TestPlan Plan, List<string> Expected);

    public static void Write(string path, IEnumerable<Entry> entries)
    {
        using var output = new BinaryWriter(new BrotliStream(File.Create(path), CompressionLevel.SmallestSize));
        foreach (Entry entry in entries)
        {
            output.Write(entry.Module.Length);
            output.Write(entry.Module);
            output.Write(JsonSerializer.Serialize(entry.Plan));
            output.Write(JsonSerializer.Serialize(entry.Expected));
        }

        output.Write(0);
    }

    public static IEnumerable<Entry> Read(string path)
    {
        using var input = new BinaryReader(new BrotliStream(File.OpenRead(path), CompressionMode.Decompress));
        while (true)
        {
            int length = input.ReadInt32();
            if (length == 0)
            {
                yield break;
            }

            byte[] module = input.ReadBytes(length);
            TestPlan plan = JsonSerializer.Deserialize<TestPlan>(input.ReadString())!;
            yield return new Entry(module, plan, JsonSerializer.Deserialize<List<string>>(input.ReadString())!);
        }
    }
}
