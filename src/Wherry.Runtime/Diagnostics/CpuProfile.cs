using System.Diagnostics;
using System.Text.Json;

namespace Wherry.Diagnostics;

/// <summary>Chrome's format for CPU profiles: the type Profile of the DevTools protocol's Profiler domain.</summary>
internal static class CpuProfile
{
    /// <param name="samples">Nodes of the tree, with the time at which each was met.</param>
    /// <param name="start">When sampling began.</param>
    public static void Write(Stream stream, ProfileTree tree, List<(int Node, long Time)> samples, long start)
    {
        var children = new List<int>[tree.Count];
        var hits = new int[tree.Count];
        for (int node = 1; node < tree.Count; node++)
        {
            (children[tree[node].Parent] ??= []).Add(node);
        }

        foreach ((int node, _) in samples)
        {
            hits[node]++;
        }

        using var writer = new Utf8JsonWriter(stream);
        writer.WriteStartObject();
        writer.WriteStartArray("nodes");
        for (int node = 0; node < tree.Count; node++)
        {
            WriteNode(writer, tree, node, hits[node], children[node]);
        }

        writer.WriteEndArray();
        writer.WriteNumber("startTime", Microseconds(start));
        writer.WriteNumber("endTime", Microseconds(samples.Count > 0 ? samples[^1].Time : start));
        writer.WriteStartArray("samples");
        foreach ((int node, _) in samples)
        {
            writer.WriteNumberValue(node + 1);
        }

        // A sample stands for the time until the next, in this format, and for the time since the one before when it was taken: so times are told one sample ahead, and the last twice.
        if (samples.Count > 0)
        {
            writer.WriteNumberValue(samples[^1].Node + 1);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("timeDeltas");
        long last = start;
        if (samples.Count > 0)
        {
            writer.WriteNumberValue(0);
        }

        foreach ((_, long time) in samples)
        {
            writer.WriteNumberValue(Microseconds(time) - Microseconds(last));
            last = time;
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteNode(Utf8JsonWriter writer, ProfileTree tree, int node, int hits, List<int>? children)
    {
        (_, Module? module, int function) = tree[node];
        writer.WriteStartObject();

        // Numbers start at 1.
        writer.WriteNumber("id", node + 1);
        writer.WriteStartObject("callFrame");
        writer.WriteString("functionName", module is null ? "(root)" : module.DebugInformation.GetFunctionName(function) ?? $"function[{function}]");
        writer.WriteString("scriptId", "0");
        writer.WriteString("url", module?.DebugInformation.ModuleName ?? "");
        writer.WriteNumber("lineNumber", -1);
        writer.WriteNumber("columnNumber", -1);
        writer.WriteEndObject();
        writer.WriteNumber("hitCount", hits);
        if (children is not null)
        {
            writer.WriteStartArray("children");
            foreach (int child in children)
            {
                writer.WriteNumberValue(child + 1);
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private static long Microseconds(long timestamp) => (long)Stopwatch.GetElapsedTime(0, timestamp).TotalMicroseconds;
}
