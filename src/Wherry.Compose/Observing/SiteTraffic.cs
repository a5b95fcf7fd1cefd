using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Wherry.Compose.Observing;

/// <summary>Counts what passes to and from a static site. Its server knows requests and connections itself; who connects it does not know, so all counts as from outside.</summary>
internal static class SiteTraffic
{
    public static void CountConnections(ListenOptions listener, TrafficCounters counters) => listener.Use(next => async connection =>
    {
        counters.Open();
        try
        {
            connection.Transport = new Counted(connection.Transport, counters);
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            counters.Close();
        }
    });

    public static void CountRequests(IApplicationBuilder site, TrafficCounters counters) => site.Use(async (context, next) =>
    {
        long started = Stopwatch.GetTimestamp();
        await next(context).ConfigureAwait(false);
        counters.AddRequest(context.Response.StatusCode, started);
    });

    private sealed class Counted(IDuplexPipe inner, TrafficCounters counters) : IDuplexPipe
    {
        public PipeReader Input { get; } = new Reader(inner.Input, counters);

        public PipeWriter Output { get; } = new Writer(inner.Output, counters);
    }

    private sealed class Reader(PipeReader inner, TrafficCounters counters) : PipeReader
    {
        private ReadOnlySequence<byte> last;

        public override bool TryRead(out ReadResult result)
        {
            bool isThere = inner.TryRead(out result);
            last = isThere ? result.Buffer : default;
            return isThere;
        }

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            ReadResult result = await inner.ReadAsync(cancellationToken).ConfigureAwait(false);
            last = result.Buffer;
            return result;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            if (!last.IsEmpty)
            {
                counters.AddReceived(last.Slice(last.Start, consumed).Length);
                last = default;
            }

            inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }

    private sealed class Writer(PipeWriter inner, TrafficCounters counters) : PipeWriter
    {
        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes)
        {
            counters.AddSent(bytes);
            inner.Advance(bytes);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }
}
