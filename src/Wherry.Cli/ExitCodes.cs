namespace Wherry.Cli;

/// <summary>What the command's own endings are called, as docs/CLI.md lists them. A guest that ends by itself gives its own code.</summary>
internal static class ExitCodes
{
    public const int Success = 0;

    /// <summary>An assertion of <c>wast</c> does not hold, <c>compile</c> could not, or what the command prints can't be written.</summary>
    public const int Failure = 1;

    public const int Usage = 2;

    public const int TimeLimit = 124;

    /// <summary>The module can't be run: not readable, not Wasm, invalid, imports that nothing provides.</summary>
    public const int CannotRun = 126;

    public const int Interrupted = 128 + 2;

    /// <summary>What a shell shows for SIGABRT, and what WasmEdge's readers know.</summary>
    public const int Trap = 128 + 6;

    public const int Terminated = 128 + 15;

    /// <summary>The exit code of a guest, which may be any 32-bit number, as one that a process can have.</summary>
    public static int OfGuest(int code) => (uint)code > 255 ? 255 : code;
}
