using System.CommandLine;

namespace Wherry.Cli.Options;

/// <summary>What the parser needs to know of an option. A type of its own, so that the parser is not loaded for naming options.</summary>
internal delegate Option OptionMaker(string name);

/// <summary>
/// An option of <c>wherry run</c>. What the parser needs to know of it is made only if it was given, or help is shown: making that for all options took as long as running a
/// small guest.
/// </summary>
internal sealed class RunOption
{
    private readonly string? alias;
    private readonly OptionMaker create;
    private Option? option;

    private RunOption(string name, string? alias, bool takesValue, OptionMaker create)
    {
        Name = name;
        this.alias = alias;
        TakesValue = takesValue;
        this.create = create;
    }

    public string Name { get; }

    public bool TakesValue { get; }

    /// <summary>Whether the command line has it.</summary>
    public bool IsGiven { get; set; }

    /// <summary>The option as the parser knows it.</summary>
    public Option Option
    {
        get
        {
            if (option is null)
            {
                option = create(Name);
                if (alias is not null)
                {
                    option.Aliases.Add(alias);
                }
            }

            return option;
        }
    }

    /// <summary>An option whose value the parser reads by what <paramref name="create"/> makes for its name.</summary>
    public static RunOption WithValue(string name, OptionMaker create, string? alias = null) => new(name, alias, takesValue: true, create);

    /// <summary>An option that is there or not.</summary>
    public static RunOption Switch(string name, string description) => new(name, null, takesValue: false, name => OptionFactory.Switch(name, description));

    public bool IsCalled(string name) => name == Name || (alias is not null && name == alias);
}
