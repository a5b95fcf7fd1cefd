using System.Text;

namespace Wherry.Compose.Logs;

/// <summary>Standard output of a service: makes lines of what is written.</summary>
internal sealed class LineStream(Action<string> line) : Stream
{
    private const int LongestLine = 16 * 1024;

    private readonly Lock gate = new();
    private readonly List<byte> pending = [];

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        lock (gate)
        {
            while (!buffer.IsEmpty)
            {
                int end = buffer.IndexOf((byte)'\n');
                ReadOnlySpan<byte> part = end < 0 ? buffer : buffer[..end];
                int room = LongestLine - pending.Count;
                bool isTooLong = part.Length > room;
                pending.AddRange(isTooLong ? part[..room] : part);
                buffer = buffer[(isTooLong ? room : end < 0 ? buffer.Length : end + 1)..];
                if (isTooLong || end >= 0)
                {
                    Emit();
                }
            }
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        Write(buffer.AsSpan(offset, count));
        return Task.CompletedTask;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>What has no end of line yet is a line.</summary>
    public void EndLine()
    {
        lock (gate)
        {
            if (pending.Count > 0)
            {
                Emit();
            }
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void Emit()
    {
        string text = Encoding.UTF8.GetString([.. pending]);
        pending.Clear();
        line(TerminalText.Clean(text.TrimEnd('\r')));
    }
}
