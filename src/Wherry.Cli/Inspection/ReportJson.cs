using System.Text.Encodings.Web;
using System.Text.Json;

namespace Wherry.Cli.Inspection;

/// <summary>Writes a report as JSON, for programs.</summary>
internal static class ReportJson
{
    public static void Write(ModuleReport report, Stream output)
    {
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.Default });
        json.WriteStartObject();
        json.WriteString("file", report.Path);
        json.WriteNumber("size", report.Size);
        json.WriteString("kind", report.Kind);
        json.WriteNumber("functions", report.Functions);
        json.WriteNumber("globals", report.Globals);
        WriteArray(json, "features", report.Features, (writer, feature) => writer.WriteStringValue(feature));
        WriteArray(json, "capabilities", report.Capabilities, (writer, capability) =>
        {
            writer.WriteStartObject();
            writer.WriteString("name", capability.Name);
            writer.WriteString("option", capability.Advice);
            WriteArray(writer, "imports", capability.Imports, (inner, import) => inner.WriteStringValue(import));
            writer.WriteEndObject();
        });
        WriteArray(json, "memories", report.Memories, (writer, memory) =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("minimumPages", memory.Minimum);
            if (memory.Maximum is { } maximum)
            {
                writer.WriteNumber("maximumPages", maximum);
            }
            else
            {
                writer.WriteNull("maximumPages");
            }

            writer.WriteNumber("pageSize", 1 << memory.PageSizeLog2);
            writer.WriteBoolean("is64Bit", memory.Is64Bit);
            writer.WriteBoolean("isShared", memory.IsShared);
            writer.WriteEndObject();
        });
        WriteArray(json, "imports", report.Imports, (writer, import) =>
        {
            writer.WriteStartObject();
            writer.WriteString("module", import.Module);
            writer.WriteString("name", import.Name);
            WriteType(writer, import.Type);
            writer.WriteEndObject();
        });
        WriteArray(json, "exports", report.Exports, (writer, export) =>
        {
            writer.WriteStartObject();
            writer.WriteString("name", export.Name);
            WriteType(writer, export.Type);
            writer.WriteEndObject();
        });
        WriteArray(json, "sections", report.Sections, (writer, section) =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("id", section.Id);
            writer.WriteString("name", section.Name);
            writer.WriteNumber("offset", section.Offset);
            writer.WriteNumber("size", section.Size);
            writer.WriteEndObject();
        });
        json.WriteEndObject();
        json.Flush();
        output.WriteByte((byte)'\n');
    }

    private static void WriteType(Utf8JsonWriter json, ExternalType type)
    {
        json.WriteString("kind", type.Kind.ToString().ToLowerInvariant());
        json.WriteString("type", type.ToString());
    }

    private static void WriteArray<T>(Utf8JsonWriter json, string name, IReadOnlyList<T> items, Action<Utf8JsonWriter, T> write)
    {
        json.WriteStartArray(name);
        foreach (T item in items)
        {
            write(json, item);
        }

        json.WriteEndArray();
    }
}
