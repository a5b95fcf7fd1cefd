using System.Buffers.Binary;
using Wherry.Aot;

namespace Wherry.Cli;

/// <summary>Reads a module from a file and tells, for what is no module, what it is instead.</summary>
internal static class ModuleFile
{
    private const uint Magic = 0x6D736100;
    private const uint CoreVersion = 1;
    private const string CompileAgain = "Compile the module again: wherry compile app.wasm";

    /// <summary>A module in the binary format; one in the text format is translated.</summary>
    public static byte[] Read(string path) => ToBinary(path, ReadBytes(path));

    /// <summary>What <see cref="Read"/> makes of a file's bytes.</summary>
    public static byte[] ToBinary(string path, byte[] bytes)
    {
        if (IsText(path, bytes))
        {
            bytes = Translate(path, bytes, emitNames: true);
        }

        if (Describe(path, bytes) is { } problem)
        {
            throw CommandException.CannotRun($"{path} {problem}");
        }

        return bytes;
    }

    /// <summary>Translates a module in the text format.</summary>
    public static byte[] Translate(string path, byte[] bytes, bool emitNames)
    {
        try
        {
            return WatConverter.ToBinary(bytes, path, emitNames);
        }
        catch (TextFormatException exception)
        {
            throw CommandException.CannotRun(exception.Message);
        }
    }

    /// <summary>A path's last part. The framework looks for the separator by vectors, which takes a millisecond when it is first used.</summary>
    public static string GetName(string path)
    {
        int start = path.Length;
        while (start > 0 && path[start - 1] != Path.DirectorySeparatorChar && path[start - 1] != Path.AltDirectorySeparatorChar)
        {
            start--;
        }

        return path[start..];
    }

    /// <summary>The bytes of a file as they are; <c>-</c> is standard input.</summary>
    public static byte[] ReadBytes(string path)
    {
        byte[] bytes;
        if (path != "-" && UnixFiles.TryRead(path) is { } read)
        {
            return read;
        }

        try
        {
            if (Directory.Exists(path))
            {
                throw CommandException.CannotRun($"{path} is a folder, not a module.");
            }

            bytes = path == "-" ? ReadInput() : File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw CommandException.CannotRun($"no such file: {path}");
        }
        catch (UnauthorizedAccessException)
        {
            throw CommandException.CannotRun($"{path} can't be read: permission denied.");
        }
        catch (Exception exception) when (exception is IOException or ArgumentException or NotSupportedException)
        {
            throw CommandException.CannotRun($"{path} can't be read: {exception.Message}");
        }

        return bytes;
    }

    private static byte[] ReadInput()
    {
        using Stream input = Console.OpenStandardInput();
        using var bytes = new MemoryStream();
        input.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>Whether it is the text format: by its name, or since it starts as a text does.</summary>
    private static bool IsText(string path, ReadOnlySpan<byte> bytes)
    {
        if (path.EndsWith(".wat", StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        int start = bytes.IndexOfAnyExcept(" \t\r\n"u8);
        return start >= 0 && (bytes[start..].StartsWith("(module"u8) || bytes[start..].StartsWith(";;"u8) || bytes[start..].StartsWith("(;"u8));
    }

    /// <summary>Decodes and validates what <see cref="Read"/> read.</summary>
    public static Module Load(string path, byte[] bytes, WasmFeatures features) => Load(path, bytes, new Engine(new EngineOptions { Features = features }));

    /// <summary>Decodes and validates what <see cref="Read"/> read.</summary>
    public static Module Load(string path, byte[] bytes, Engine engine)
    {
        try
        {
            return Module.LoadOwned(engine, bytes, GetName(path));
        }
        catch (ModuleException exception)
        {
            throw CommandException.CannotRun($"{path}: {exception.Message}");
        }
    }

    // What is wrong with the first bytes, or null.
    private static string? Describe(string path, ReadOnlySpan<byte> bytes)
    {
        if (DescribePrecompiled(path, bytes) is { } damaged)
        {
            return damaged;
        }

        if (bytes.IsEmpty)
        {
            return "is empty: a module has at least 8 bytes.";
        }

        if (bytes.Length < 8)
        {
            return "\0asm"u8.StartsWith(bytes[..Math.Min(4, bytes.Length)])
                ? $"is truncated: it ends after {bytes.Length} bytes, within the header of 8."
                : "is not a WebAssembly module: it does not start with the bytes 00 61 73 6d.";
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic)
        {
            return "is not a WebAssembly module: it does not start with the bytes 00 61 73 6d." + Guess(bytes);
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
        if (version != CoreVersion)
        {
            return version >> 16 == 1
                ? "is a component (of the component model), not a core module. Components are not supported yet; build for wasm32-wasip1."
                : $"has version {version} of the WebAssembly format; only version 1 is known.";
        }

        return null;
    }

    // Native code that `wherry compile` made, or what is left of it: told by its name, or by what it holds.
    private static string? DescribePrecompiled(string path, ReadOnlySpan<byte> bytes)
    {
        bool hasName = path.EndsWith(".cwasm", StringComparison.OrdinalIgnoreCase);
        if (PrecompiledFile.IsOne(bytes) || (hasName && bytes.StartsWith("\0asm"u8)))
        {
            return null;
        }

        return hasName && bytes.IsEmpty ? $"is empty, and should be a compiled module. {CompileAgain}"
            : hasName || PrecompiledFile.IsRest(bytes) ? $"is a compiled module that is damaged: it was cut off or changed. {CompileAgain}"
            : null;
    }

    private static string Guess(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith("\u007fELF"u8))
        {
            return " It is a native program or library (ELF). If `wasmedge compile` made it, run the .wasm it was made from.";
        }

        if (PrecompiledFile.IsOne(bytes))
        {
            return " It is a file that `wherry compile` made: wherry run runs it.";
        }

        if (bytes.StartsWith("MZ"u8))
        {
            return $" It is a program or library for .NET or Windows, or a compiled module that was cut off. {CompileAgain}";
        }

        if (bytes.StartsWith("#!"u8))
        {
            return " It is a script.";
        }

        return "";
    }
}
