using System.Globalization;
using Microsoft.Extensions.Configuration;
using Wherry.Compose;
using Wherry.Compose.Yaml;

namespace Wherry.Hosting;

/// <summary>Reads a section of the configuration as what it is: a Compose file in another notation.</summary>
internal static class ConfiguredProject
{
    private static readonly string[] Sections = ["name", "services", "networks", "volumes", "secrets", "configs"];

    /// <summary>The Compose sections that the configuration has; null if it has none.</summary>
    public static YamlMapping? Read(IConfiguration configuration)
    {
        YamlEntry[] entries =
        [
            .. configuration.GetChildren()
                .Where(child => Sections.Contains(child.Key, StringComparer.OrdinalIgnoreCase))
                .Select(child => new YamlEntry(child.Key.ToLowerInvariant(), Place(child), ToNode(child))),
        ];
        return entries.Length == 0 ? null : new YamlMapping(entries, entries[0].KeyLocation);
    }

    /// <summary>Refuses what would have no effect.</summary>
    /// <exception cref="InvalidOperationException">There is an unknown key.</exception>
    public static void CheckKeys(IConfiguration configuration)
    {
        string[] known = [.. Sections, .. typeof(WherryHostingOptions).GetProperties().Select(property => property.Name)];
        foreach (IConfigurationSection child in configuration.GetChildren().Where(child => !known.Contains(child.Key, StringComparer.OrdinalIgnoreCase)))
        {
            throw new InvalidOperationException($"The configuration has {child.Path}, which means nothing to Wherry. It reads {string.Join(", ", known)}.");
        }
    }

    /// <summary>A configuration knows paths, not lines.</summary>
    private static SourceLocation Place(IConfigurationSection section) => new($"configuration {section.Path}", 0, 0);

    private static YamlNode ToNode(IConfigurationSection section)
    {
        IConfigurationSection[] children = [.. section.GetChildren()];
        if (children.Length == 0)
        {
            // Null is nothing; an empty text is an empty text.
            return new YamlScalar(section.Value ?? "", Place(section), isPlain: section.Value is not "");
        }

        return Array.TrueForAll(children, child => int.TryParse(child.Key, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            ? new YamlSequence([.. children.OrderBy(child => int.Parse(child.Key, CultureInfo.InvariantCulture)).Select(ToNode)], Place(section))
            : new YamlMapping([.. children.Select(child => new YamlEntry(child.Key, Place(child), ToNode(child)))], Place(section));
    }
}
