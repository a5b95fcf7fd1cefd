using System.CommandLine;
using System.Globalization;

namespace Wherry.Fuzz;

/// <summary><c>plant</c>: copies engine and fuzzers and puts the bugs of planted-bugs.txt into the copy.</summary>
internal static class PlantCommand
{
    private const string Switch =
        """
        namespace Wherry;

        internal static class Bug
        {
            private static readonly int Planted = int.TryParse(System.Environment.GetEnvironmentVariable("WHERRY_PLANTED"), out int number) ? number : 0;

            public static bool Is(int number) => Planted == number;
        }
        """;

    public static Command Create()
    {
        var repository = new Argument<string>("REPOSITORY") { Description = "The repository's folder." };
        var folder = new Argument<string>("COPY") { Description = "The folder to write." };
        var command = new Command("plant", "Copies engine and fuzzers, with bugs to be found in the copy.") { repository, folder };
        command.SetAction(result => Plant(Path.GetFullPath(result.GetValue(repository)!), Path.GetFullPath(result.GetValue(folder)!)));
        return command;
    }

    private static int Plant(string repository, string copy)
    {
        foreach (string file in (string[])["Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "global.json", "src/Wherry.Cli/ReadyToRun.targets"])
        {
            CopyFile(Path.Combine(repository, file), Path.Combine(copy, file));
        }

        foreach (string part in (string[])["src/Wherry.Runtime", "fuzz/Wherry.Fuzz"])
        {
            foreach (string file in Directory.EnumerateFiles(Path.Combine(repository, part), "*", SearchOption.AllDirectories))
            {
                string relative = Path.GetRelativePath(repository, file);
                if (!relative.Split(Path.DirectorySeparatorChar).Any(name => name is "bin" or "obj"))
                {
                    CopyFile(file, Path.Combine(copy, relative));
                }
            }
        }

        string runtime = Path.Combine(copy, "src", "Wherry.Runtime");
        File.WriteAllText(Path.Combine(runtime, "Bug.cs"), Switch);
        int planted = 0;
        foreach (string block in File.ReadAllText(Path.Combine(repository, "fuzz", "planted-bugs.txt")).Split("\n\n").Where(block => !block.StartsWith('#')))
        {
            string[] lines = block.Trim('\n').Split('\n');
            string file = Path.Combine(runtime, lines[1]);
            string text = File.ReadAllText(file);
            string old = Side(lines, '-');
            if (text.Split(old).Length != 2)
            {
                Console.WriteLine($"{lines[1]} has not exactly one place for: {lines[0]}");
                return 1;
            }

            File.WriteAllText(file, text.Replace(old, Side(lines, '+'), StringComparison.Ordinal));
            planted++;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{planted} bugs are in {copy}; build fuzz/Wherry.Fuzz there, with -p:TreatWarningsAsErrors=false"));
        return 0;
    }

    private static string Side(string[] lines, char sign) => string.Join('\n', lines.Where(line => line[0] == sign).Select(line => line[2..]));

    private static void CopyFile(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.Copy(from, to, overwrite: true);
    }
}
