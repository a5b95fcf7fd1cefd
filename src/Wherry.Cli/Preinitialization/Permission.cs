namespace Wherry.Cli.Preinitialization;

/// <summary>What a module may ask for while it is initialized. All instances of the module that is saved will have seen the same.</summary>
[Flags]
internal enum Permission
{
    None = 0,
    Clock = 1,
    Random = 2,
    Environment = 4,
    Files = 8,
    Sockets = 16,
}

/// <summary>The names of permissions, and which of WASI's functions need which.</summary>
internal static class Permissions
{
    private static readonly string[] Unrestricted = ["fd_write", "fd_fdstat_get", "proc_exit", "proc_raise", "sched_yield"];

    /// <exception cref="FormatException">There is no such permission.</exception>
    public static Permission Parse(string text)
    {
        var permissions = Permission.None;
        foreach (string name in text.Split(','))
        {
            permissions |= name switch
            {
                "clock" => Permission.Clock,
                "random" => Permission.Random,
                "environment" => Permission.Environment,
                "files" => Permission.Files,
                "sockets" => Permission.Sockets,
                _ => throw new FormatException($"--allow '{name}' is none of clock, random, environment, files, sockets."),
            };
        }

        return permissions;
    }

    public static string NameOf(Permission permission) => permission.ToString().ToLowerInvariant();

    /// <summary>What a function of WASI needs.</summary>
    public static Permission Of(string function) => function switch
    {
        _ when Unrestricted.Contains(function) => Permission.None,
        _ when function.StartsWith("clock_", StringComparison.Ordinal) || function is "poll_oneoff" or "epoll_oneoff" => Permission.Clock,
        _ when function.StartsWith("random_", StringComparison.Ordinal) => Permission.Random,
        _ when function.StartsWith("environ_", StringComparison.Ordinal) || function.StartsWith("args_", StringComparison.Ordinal) => Permission.Environment,
        _ when function.StartsWith("sock_", StringComparison.Ordinal) => Permission.Sockets,
        _ => Permission.Files,
    };
}
