using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Wherry.Compose.Yaml;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Wherry.Compose.Loading;

/// <summary>Writes a project as one file that stands for itself: merged, with variables, paths and environment files resolved.</summary>
internal static class ResolvedFile
{
    private static readonly JsonWriterOptions JsonOptions = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string ToYaml(ComposeProject project)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        var emitter = new Emitter(text, new EmitterSettings(bestIndent: 2, bestWidth: int.MaxValue, isCanonical: false, maxSimpleKeyLength: 1024, indentSequences: true));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart());
        Emit(emitter, Tree(project));
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString().TrimEnd('\n') + "\n";
    }

    public static string ToJson(ComposeProject project)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, JsonOptions))
        {
            Write(writer, Tree(project));
        }

        return System.Text.Encoding.UTF8.GetString(bytes.ToArray()) + "\n";
    }

    private static YamlMapping Tree(ComposeProject project)
    {
        YamlMapping root = project.Source.Without("version").Without("name");
        var services = (YamlMapping)root["services"]!;
        foreach (ComposeService service in project.Services)
        {
            YamlMapping node = ((YamlMapping)services[service.Name]!).Without("env_file").Without("environment");
            if (service.Environment.Count > 0)
            {
                node = node.With("environment", new YamlMapping(
                    [.. service.Environment.Select(variable => new YamlEntry(variable.Key, node.Location, new YamlScalar(variable.Value, node.Location, isPlain: false)))], node.Location));
            }

            services = services.With(service.Name, node);
        }

        root = root.With("services", services);
        return new YamlMapping([new YamlEntry("name", root.Location, new YamlScalar(project.Name, root.Location)), .. root.Entries], root.Location);
    }

    private static void Emit(Emitter emitter, YamlNode node)
    {
        switch (node)
        {
            case YamlScalar scalar:
                EmitScalar(emitter, scalar.IsNullText ? "null" : scalar.Value.Replace("$", "$$", StringComparison.Ordinal), scalar.IsPlain);
                break;
            case YamlSequence sequence:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, sequence.Items.Count == 0 ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (YamlNode item in sequence.Items)
                {
                    Emit(emitter, item);
                }

                emitter.Emit(new SequenceEnd());
                break;
            case YamlMapping mapping:
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, isImplicit: true, mapping.Entries.Count == 0 ? MappingStyle.Flow : MappingStyle.Block));
                foreach (YamlEntry entry in mapping.Entries)
                {
                    EmitScalar(emitter, entry.Key, isPlain: true);
                    Emit(emitter, entry.Value);
                }

                emitter.Emit(new MappingEnd());
                break;
        }
    }

    private static void EmitScalar(Emitter emitter, string value, bool isPlain)
    {
        // A text that would be read as something else is put in quotes.
        ScalarStyle style = isPlain || !LooksTyped(value) ? ScalarStyle.Any : ScalarStyle.DoubleQuoted;
        emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, value, style, isPlainImplicit: true, isQuotedImplicit: true));
    }

    private static bool LooksTyped(string value) =>
        value.ToLowerInvariant() is "" or "~" or "null" or "true" or "false" or "yes" or "no" or "on" or "off" || double.TryParse(value, CultureInfo.InvariantCulture, out _);

    private static void Write(Utf8JsonWriter writer, YamlNode node)
    {
        switch (node)
        {
            case YamlScalar scalar:
                WriteScalar(writer, scalar);
                break;
            case YamlSequence sequence:
                writer.WriteStartArray();
                foreach (YamlNode item in sequence.Items)
                {
                    Write(writer, item);
                }

                writer.WriteEndArray();
                break;
            case YamlMapping mapping:
                writer.WriteStartObject();
                foreach (YamlEntry entry in mapping.Entries)
                {
                    writer.WritePropertyName(entry.Key);
                    Write(writer, entry.Value);
                }

                writer.WriteEndObject();
                break;
        }
    }

    private static void WriteScalar(Utf8JsonWriter writer, YamlScalar scalar)
    {
        if (scalar.IsNullText)
        {
            writer.WriteNullValue();
        }
        else if (scalar.IsPlain && scalar.Value is "true" or "false")
        {
            writer.WriteBooleanValue(scalar.Value == "true");
        }
        else if (scalar.IsPlain && long.TryParse(scalar.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
        {
            writer.WriteNumberValue(number);
        }
        else
        {
            writer.WriteStringValue(scalar.Value);
        }
    }
}
