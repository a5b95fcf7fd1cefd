namespace Wherry.Text.Scripts;

/// <summary>The scripts that a user names: files, and folders with all their scripts.</summary>
internal static class ScriptSuite
{
    /// <exception cref="FileNotFoundException">A path is neither a file nor a folder, or a folder has no scripts.</exception>
    public static string[] Find(IEnumerable<string> paths)
    {
        var files = new List<string>();
        foreach (string path in paths)
        {
            if (Directory.Exists(path))
            {
                int before = files.Count;
                files.AddRange(Directory.EnumerateFiles(path, "*.wast", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
                if (files.Count == before)
                {
                    // Nothing failed of nothing would look like success.
                    throw new FileNotFoundException($"there are no scripts (*.wast) in the folder {path}", path);
                }
            }
            else if (File.Exists(path))
            {
                files.Add(path);
            }
            else
            {
                throw new FileNotFoundException($"no such file or folder: {path}", path);
            }
        }

        return [.. files];
    }
}
