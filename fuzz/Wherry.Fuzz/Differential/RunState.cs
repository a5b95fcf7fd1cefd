using System.Text.Json;

namespace Wherry.Fuzz.Differential;

/// <summary>How far a long run has come, so that it can go on after it was stopped.</summary>
internal sealed record RunState
{
    /// <summary>What makes it this run.</summary>
    public required string Run { get; init; }

    /// <summary>The number of the next module.</summary>
    public required int Next { get; init; }

    public DifferentialStatistics Statistics { get; init; } = new();

    /// <summary>The state that was saved of a run; null if there is none.</summary>
    /// <param name="file">The file, or null for none.</param>
    /// <exception cref="InvalidDataException">The file is another run's.</exception>
    public static RunState? Load(string? file, string run)
    {
        if (!File.Exists(file))
        {
            return null;
        }

        RunState state = JsonSerializer.Deserialize<RunState>(File.ReadAllText(file))!;
        return state.Run == run ? state : throw new InvalidDataException($"{file} is of another run: {state.Run}. This one is: {run}.");
    }

    public void Save(string? file)
    {
        if (file is not null)
        {
            // Whole or not at all.
            File.WriteAllText(file + ".new", JsonSerializer.Serialize(this));
            File.Move(file + ".new", file, overwrite: true);
        }
    }
}
