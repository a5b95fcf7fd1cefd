using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Wherry.Wasi.Network.InProcess.Names;

/// <summary>What an answer says about the name (RCODE, RFC 1035 section 4.1.1).</summary>
internal enum DnsStatus
{
    Success = 0,
    FormatError = 1,
    ServerFailure = 2,
    NoSuchName = 3,
    NotImplemented = 4,
    Refused = 5,
}

/// <summary>One question of a DNS message, and the message that answers it (RFC 1035 section 4).</summary>
/// <param name="Name">The name, without the last dot; empty if the question can't be read.</param>
/// <param name="Type">A is 1, AAAA is 28.</param>
/// <param name="Bytes">The question as it was asked, which the answer repeats.</param>
internal sealed record DnsQuestion(string Name, ushort Type, ReadOnlyMemory<byte> Bytes)
{
    public const ushort Address = 1;
    public const ushort Address6 = 28;

    /// <summary>What fits into a datagram (RFC 1035 section 4.2.1).</summary>
    public const int LongestDatagram = 512;

    private const int HeaderSize = 12;
    private const int LongestLabel = 63;
    private const int LongestName = 255;
    private const ushort Internet = 1;

    /// <summary>An answer's first two bytes of the name: it stands where the question has it.</summary>
    private const ushort PointerToQuestion = 0xC000 | HeaderSize;

    /// <summary>So long, in seconds, the guest may keep an answer: services come and go.</summary>
    private const uint Lifetime = 5;

    private const ushort IsAnswer = 0x8000;
    private const ushort IsTruncated = 0x0200;
    private const ushort OperationMask = 0x7800;
    private const ushort RecursionDesired = 0x0100;
    private const ushort RecursionAvailable = 0x0080;

    /// <summary>Reads the question of a message.</summary>
    /// <returns>Success, or what the answer is.</returns>
    public static DnsStatus Read(ReadOnlyMemory<byte> message, out DnsQuestion question)
    {
        question = new DnsQuestion("", 0, default);
        ReadOnlySpan<byte> bytes = message.Span;
        if (bytes.Length < HeaderSize || (BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]) & IsAnswer) != 0)
        {
            return DnsStatus.FormatError;
        }

        if ((BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]) & OperationMask) != 0)
        {
            return DnsStatus.NotImplemented;
        }

        if (BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]) != 1)
        {
            return DnsStatus.FormatError;
        }

        var name = new StringBuilder();
        int position = HeaderSize;
        while (true)
        {
            // A length above 63 would be a pointer, which no question has.
            if (position >= bytes.Length || bytes[position] > LongestLabel || position - HeaderSize > LongestName)
            {
                return DnsStatus.FormatError;
            }

            int length = bytes[position++];
            if (length == 0)
            {
                break;
            }

            if (position + length > bytes.Length)
            {
                return DnsStatus.FormatError;
            }

            name.Append(name.Length == 0 ? "" : ".").Append(Encoding.Latin1.GetString(bytes.Slice(position, length)));
            position += length;
        }

        if (position + 4 > bytes.Length)
        {
            return DnsStatus.FormatError;
        }

        ushort type = BinaryPrimitives.ReadUInt16BigEndian(bytes[position..]);
        ushort kind = BinaryPrimitives.ReadUInt16BigEndian(bytes[(position + 2)..]);
        question = new DnsQuestion(name.ToString(), type, message[HeaderSize..(position + 4)]);
        return kind == Internet ? DnsStatus.Success : DnsStatus.NotImplemented;
    }

    /// <summary>The message that answers.</summary>
    /// <param name="message">The message that asked; at least its header.</param>
    /// <param name="question">Its question.</param>
    /// <param name="status">What to say.</param>
    /// <param name="addresses">The name's addresses; those of another type than was asked for are left out.</param>
    public static byte[] Answer(ReadOnlySpan<byte> message, DnsQuestion question, DnsStatus status, IReadOnlyCollection<IPAddress> addresses)
    {
        IPAddress[] wanted = [.. addresses.Where(address => question.Type == (address.AddressFamily == AddressFamily.InterNetwork ? Address : Address6))];
        int recordSize = 12 + (question.Type == Address ? 4 : 16);
        var answer = new byte[HeaderSize + question.Bytes.Length + (wanted.Length * recordSize)];
        Span<byte> rest = answer;
        ushort asked = BinaryPrimitives.ReadUInt16BigEndian(message[2..]);
        Put(BinaryPrimitives.ReadUInt16BigEndian(message), ref rest);
        Put((ushort)(IsAnswer | (asked & (OperationMask | RecursionDesired)) | RecursionAvailable | (int)status), ref rest);
        Put((ushort)(question.Bytes.IsEmpty ? 0 : 1), ref rest);
        Put((ushort)wanted.Length, ref rest);
        rest = rest[4..];
        question.Bytes.Span.CopyTo(rest);
        rest = rest[question.Bytes.Length..];
        foreach (IPAddress address in wanted)
        {
            Put(PointerToQuestion, ref rest);
            Put(question.Type, ref rest);
            Put(Internet, ref rest);
            Put(0, ref rest);
            Put((ushort)Lifetime, ref rest);
            Put((ushort)(recordSize - 12), ref rest);
            _ = address.TryWriteBytes(rest, out int written);
            rest = rest[written..];
        }

        return answer;
    }

    /// <summary>What is sent over UDP in place of an answer: the same, or if that is too long, that it must be asked for over TCP.</summary>
    public static ReadOnlySpan<byte> Shorten(byte[] answer)
    {
        if (answer.Length <= LongestDatagram)
        {
            return answer;
        }

        // The question, which the answer repeats, ends with its name's empty label, its type and its class.
        int end = HeaderSize;
        while (answer[end] != 0)
        {
            end += answer[end] + 1;
        }

        Span<byte> header = answer;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)(BinaryPrimitives.ReadUInt16BigEndian(header[2..]) | IsTruncated));
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], 0);
        return header[..(end + 5)];
    }

    private static void Put(ushort value, ref Span<byte> rest)
    {
        BinaryPrimitives.WriteUInt16BigEndian(rest, value);
        rest = rest[2..];
    }
}
