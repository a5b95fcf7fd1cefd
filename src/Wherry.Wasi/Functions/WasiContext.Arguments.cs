using System.Text;
using Wherry.Wasi.Abi;

namespace Wherry.Wasi;

// args_* and environ_*.
public sealed partial class WasiContext
{
    private readonly byte[][] arguments;
    private readonly byte[][] environment;

    internal Errno ArgsSizesGet(GuestCall call, uint count, uint size) => WriteSizes(call, arguments, count, size);

    internal Errno ArgsGet(GuestCall call, uint pointers, uint buffer) => WriteStrings(call, arguments, pointers, buffer);

    internal Errno EnvironSizesGet(GuestCall call, uint count, uint size) => WriteSizes(call, environment, count, size);

    internal Errno EnvironGet(GuestCall call, uint pointers, uint buffer) => WriteStrings(call, environment, pointers, buffer);

    private static byte[][] EncodeArguments(IReadOnlyList<string> arguments)
    {
        var encoded = new byte[arguments.Count][];
        for (var i = 0; i < encoded.Length; i++)
        {
            encoded[i] = Encode(arguments[i]) ?? throw new ArgumentException($"The argument {i} holds a zero character, with which a guest's strings end.");
        }

        return encoded;
    }

    private static byte[][] EncodeEnvironment(IReadOnlyDictionary<string, string> environment)
    {
        if (environment.Count == 0)
        {
            return [];
        }

        var encoded = new List<byte[]>(environment.Count);
        foreach (var (name, value) in environment)
        {
            if (name.Length == 0 || name.Contains('=', StringComparison.Ordinal))
            {
                throw new ArgumentException($"\"{name}\" can't be the name of an environment variable: it is empty or holds '='.", nameof(environment));
            }

            encoded.Add(Encode($"{name}={value}") ?? throw new ArgumentException($"The environment variable {name} holds a zero character, with which a guest's strings end."));
        }

        return [.. encoded];
    }

    // Null if the text holds a zero, which ASCII without one needs not be searched for.
    private static byte[]? Encode(string text) => AsciiText.TryEncodeTerminated(text) ?? (text.Contains('\0', StringComparison.Ordinal) ? null : Encoding.UTF8.GetBytes(text + '\0'));

    private static Errno WriteSizes(GuestCall call, byte[][] strings, uint count, uint size)
    {
        var total = 0u;
        foreach (var text in strings)
        {
            total += (uint)text.Length;
        }

        var errno = call.Write(count, (uint)strings.Length);
        return errno == Errno.Success ? call.Write(size, total) : errno;
    }

    private static Errno WriteStrings(GuestCall call, byte[][] strings, uint pointers, uint buffer)
    {
        foreach (var text in strings)
        {
            if (!call.TryGetSpan(buffer, (uint)text.Length, out var span) || call.Write(pointers, buffer) != Errno.Success)
            {
                return Errno.Fault;
            }

            text.CopyTo(span);
            pointers += 4;
            buffer += (uint)text.Length;
        }

        return Errno.Success;
    }
}
