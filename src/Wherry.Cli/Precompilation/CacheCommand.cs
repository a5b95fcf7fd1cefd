using System.CommandLine;
using System.Globalization;

namespace Wherry.Cli.Precompilation;

/// <summary><c>wherry cache</c>: looks after the native code that `wherry run` keeps.</summary>
internal static class CacheCommand
{
    public static Command Create()
    {
        var list = new Command("list", "Lists what is in it: key, bytes, last use.");
        list.SetAction(_ => List());
        var clear = new Command("clear", "Deletes what is in it.");
        clear.SetAction(_ =>
        {
            int count = Guard(cache => cache.Clear());
            Console.Out.WriteLine($"{count} {(count == 1 ? "entry was" : "entries were")} deleted.");
            return ExitCodes.Success;
        });
        var path = new Command("path", "Prints its folder.");
        path.SetAction(_ =>
        {
            Console.Out.WriteLine(new CodeCache().Folder ?? throw new CommandException(ExitCodes.Failure, "there is no cache: the user has no home folder."));
            return ExitCodes.Success;
        });
        return new Command("cache", "Looks after the native code that is kept of modules that were run.") { list, clear, path };
    }

    private static int List()
    {
        foreach (CodeCacheEntry entry in Guard(cache => cache.List()).OrderByDescending(entry => entry.LastUsed))
        {
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{entry.Key}  {entry.Bytes,12}  {entry.LastUsed:yyyy-MM-dd HH:mm:ss}Z"));
        }

        return ExitCodes.Success;
    }

    private static T Guard<T>(Func<CodeCache, T> action)
    {
        try
        {
            return action(new CodeCache());
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new CommandException(ExitCodes.Failure, exception.Message);
        }
    }
}
