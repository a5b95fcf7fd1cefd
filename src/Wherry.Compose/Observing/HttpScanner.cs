using System.Buffers.Text;
using System.Diagnostics;
using System.Text;

namespace Wherry.Compose.Observing;

/// <summary>
/// Follows one direction of an HTTP/1 connection (RFC 9112): where messages begin and end, and what kind they are. It keeps the beginning of one line, if that; bodies are counted, not looked at. What it
/// can't follow makes the whole exchange lost, which is no error: then only bytes are counted.
/// </summary>
/// <remarks>The bytes may change while it reads them, so it takes what it read the first time, and every loop goes forward.</remarks>
internal sealed class HttpScanner(HttpExchange exchange, bool isRequests)
{
    /// <summary>Of a line that arrives in pieces so much is kept. Only target and values that are of no interest are longer.</summary>
    private const int KeptBytes = 128;

    private const int LongestHead = 256 * 1024;
    private const int LongestMethod = 20;

    private byte[]? kept;
    private int keptCount;
    private int lineLength;
    private int headLength;
    private State state;
    private long remaining;
    private long contentLength;
    private bool isChunked;
    private bool hasOtherCoding;
    private ResponseBody responseBody;
    private long started;

    private enum State : byte
    {
        StartLine,
        Headers,
        Body,
        BodyUntilClose,
        ChunkSize,
        ChunkData,
        ChunkEnd,
        Trailers,
    }

    /// <summary>Whether the next byte is the first one of a message.</summary>
    public bool IsBetweenMessages => state == State.StartLine && headLength == 0;

    /// <summary>What passes next.</summary>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty && !exchange.IsLost)
        {
            switch (state)
            {
                case State.BodyUntilClose:
                    return;
                case State.Body or State.ChunkData:
                    int count = (int)Math.Min(remaining, bytes.Length);
                    remaining -= count;
                    bytes = bytes[count..];
                    if (remaining == 0 && state == State.ChunkData)
                    {
                        state = State.ChunkEnd;
                    }
                    else if (remaining == 0)
                    {
                        EndMessage();
                    }

                    break;
                default:
                    bytes = ReadLine(bytes);
                    break;
            }
        }
    }

    private ReadOnlySpan<byte> ReadLine(ReadOnlySpan<byte> bytes)
    {
        if (headLength == 0 && state == State.StartLine)
        {
            started = Stopwatch.GetTimestamp();
            contentLength = -1;
            isChunked = hasOtherCoding = false;
        }

        int end = bytes.IndexOf((byte)'\n');
        ReadOnlySpan<byte> part = end < 0 ? bytes : bytes[..end];
        headLength += part.Length + 1;
        lineLength += part.Length;
        if (headLength > LongestHead)
        {
            exchange.Lose();
            return [];
        }

        if (end < 0)
        {
            Keep(part);
            if (state == State.StartLine && !LooksLikeStart(kept.AsSpan(0, keptCount)))
            {
                exchange.Lose();
            }

            return [];
        }

        if (keptCount > 0)
        {
            Keep(part);
            part = kept.AsSpan(0, keptCount);
        }

        bool isWhole = part.Length == lineLength;
        keptCount = 0;
        lineLength = 0;
        Take(isWhole && part is [.., (byte)'\r'] ? part[..^1] : part, isWhole);
        return bytes[(end + 1)..];
    }

    private void Keep(ReadOnlySpan<byte> part)
    {
        kept ??= new byte[KeptBytes];
        part = part[..Math.Min(part.Length, KeptBytes - keptCount)];
        part.CopyTo(kept.AsSpan(keptCount));
        keptCount += part.Length;
    }

    private void Take(ReadOnlySpan<byte> line, bool isWhole)
    {
        switch (state)
        {
            case State.StartLine:
                TakeStart(line, isWhole);
                break;
            case State.Headers when line.IsEmpty:
                EndHead();
                break;
            case State.Headers:
                TakeHeader(line, isWhole);
                break;
            case State.ChunkSize:
                TakeChunkSize(line);
                break;
            case State.ChunkEnd when line.IsEmpty:
                headLength = 0;
                state = State.ChunkSize;
                break;
            case State.Trailers when line.IsEmpty:
                EndMessage();
                break;
            case State.Trailers:
                break;
            default:
                exchange.Lose();
                break;
        }
    }

    private void TakeStart(ReadOnlySpan<byte> line, bool isWhole)
    {
        if (line.IsEmpty && isRequests)
        {
            // Some clients end a body with a line too many.
            headLength = 0;
            return;
        }

        if (isRequests)
        {
            int space = line.IndexOf((byte)' ');
            if (space is <= 0 or > LongestMethod || !LooksLikeStart(line) || (isWhole && !(line.EndsWith(" HTTP/1.1"u8) || line.EndsWith(" HTTP/1.0"u8))))
            {
                exchange.Lose();
                return;
            }

            ReadOnlySpan<byte> method = line[..space];
            exchange.BeginRequest(started, method.SequenceEqual("HEAD"u8) ? RequestMethod.Head : method.SequenceEqual("CONNECT"u8) ? RequestMethod.Connect : RequestMethod.Other);
        }
        else if (line.Length >= 12 && line.StartsWith("HTTP/1."u8) && line[8] == ' ' && Utf8Parser.TryParse(line[9..12], out int status, out int digits) && digits == 3
            && status is >= 100 and <= 999 && (line.Length == 12 || line[12] == ' '))
        {
            responseBody = exchange.BeginResponse(status);
        }
        else
        {
            exchange.Lose();
        }

        state = State.Headers;
    }

    private bool LooksLikeStart(ReadOnlySpan<byte> line)
    {
        if (!isRequests)
        {
            ReadOnlySpan<byte> version = "HTTP/1."u8;
            int common = Math.Min(line.Length, version.Length);
            return line[..common].SequenceEqual(version[..common]);
        }

        for (int i = 0; i < line.Length && line[i] != ' '; i++)
        {
            if (i >= LongestMethod || !(char.IsAsciiLetter((char)line[i]) || line[i] is (byte)'-' or (byte)'_' || (i == 0 && line[i] == '\r')))
            {
                return false;
            }
        }

        return true;
    }

    private void TakeHeader(ReadOnlySpan<byte> line, bool isWhole)
    {
        // Two headers matter. Few others have a colon at the same place.
        bool isLength = IsHeader(line, "content-length:"u8);
        if (!isLength && !IsHeader(line, "transfer-encoding:"u8))
        {
            return;
        }

        ReadOnlySpan<byte> value = line[(line.IndexOf((byte)':') + 1)..].Trim(" \t"u8);
        if (!isWhole)
        {
            exchange.Lose();
        }
        else if (isLength)
        {
            if (!Utf8Parser.TryParse(value, out long length, out int digits) || digits != value.Length || length < 0 || (contentLength >= 0 && contentLength != length))
            {
                exchange.Lose();
            }

            contentLength = length;
        }
        else
        {
            isChunked = Ascii.EqualsIgnoreCase(value[(value.LastIndexOf((byte)',') + 1)..].Trim(" \t"u8), "chunked"u8);
            hasOtherCoding = !isChunked;
        }
    }

    private static bool IsHeader(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name) =>
        line.Length >= name.Length && line[name.Length - 1] == ':' && Ascii.EqualsIgnoreCase(line[..name.Length], name);

    private void TakeChunkSize(ReadOnlySpan<byte> line)
    {
        headLength = 0;
        if (!Utf8Parser.TryParse(line, out long size, out int digits, 'x') || size < 0 || (digits < line.Length && line[digits] is not ((byte)';' or (byte)' ' or (byte)'\t')))
        {
            exchange.Lose();
            return;
        }

        remaining = size;
        state = size == 0 ? State.Trailers : State.ChunkData;
    }

    private void EndHead()
    {
        headLength = 0;
        bool hasNoBody = !isRequests && responseBody == ResponseBody.None;
        if (hasNoBody)
        {
            EndMessage();
        }
        else if (isChunked)
        {
            state = State.ChunkSize;
        }
        else if (hasOtherCoding && isRequests)
        {
            exchange.Lose();
        }
        else if (contentLength > 0 && !hasOtherCoding)
        {
            remaining = contentLength;
            state = State.Body;
        }
        else if (isRequests || (contentLength == 0 && !hasOtherCoding))
        {
            EndMessage();
        }
        else
        {
            state = State.BodyUntilClose;
        }
    }

    private void EndMessage()
    {
        headLength = 0;
        state = State.StartLine;
        if (!isRequests)
        {
            exchange.EndResponse();
        }
    }
}
