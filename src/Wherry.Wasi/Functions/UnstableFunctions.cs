using System.Runtime.InteropServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Polling;
using Wherry.Wasi.Waiting;

namespace Wherry.Wasi;

/// <summary>
/// The four functions that were otherwise in <c>wasi_unstable</c>, snapshot 0 of the specification, which programs of 2019 import: seek's origins had other
/// numbers, a file's link count had 32 bits, and a clock subscription had one field more.
/// </summary>
internal sealed partial class UnstableFunctions(WasiContext context)
{
    private const uint SubscriptionSize = 56;
    private const uint MaximumSubscriptions = 4096;

    [WasmFunction("fd_seek")]
    private int FdSeek(Caller caller, int fd, long offset, uint whence, uint result)
    {
        using Turn turn = context.Turns.Take();
        var translated = whence switch { 0 => Whence.Current, 1 => Whence.End, 2 => Whence.Set, _ => (Whence)byte.MaxValue };
        return (int)context.FdSeek(WasiContext.Enter(caller), fd, offset, (uint)translated, result);
    }

    [WasmFunction("fd_filestat_get")]
    private int FdFilestatGet(Caller caller, int fd, uint result)
    {
        using Turn turn = context.Turns.Take();
        var errno = context.GetFileStatus(fd, out var status);
        return (int)(errno == Errno.Success ? WasiContext.Enter(caller).Write(result, new OldFileStatus(status)) : errno);
    }

    [WasmFunction("path_filestat_get")]
    private int PathFilestatGet(Caller caller, int fd, uint lookup, uint path, uint pathLength, uint result)
    {
        using Turn turn = context.Turns.Take();
        var call = WasiContext.Enter(caller);
        var errno = context.GetPathStatus(call, fd, lookup, path, pathLength, out var status);
        return (int)(errno == Errno.Success ? call.Write(result, new OldFileStatus(status)) : errno);
    }

    [WasmFunction("poll_oneoff")]
    private ValueTask<int> PollOneoff(Caller caller, uint subscriptions, uint events, uint count, uint eventCount)
    {
        using Turn turn = context.Turns.Take();
        return context.Complete(PollTranslatedAsync(caller, subscriptions, events, count, eventCount));
    }

    private async ValueTask<int> PollTranslatedAsync(Caller caller, uint subscriptions, uint events, uint count, uint eventCount)
    {
        var call = WasiContext.Enter(caller);
        if (count > MaximumSubscriptions)
        {
            return (int)Errno.Inval;
        }

        if (!call.Contains(subscriptions, (ulong)count * SubscriptionSize) || !call.Contains(events, (ulong)count * Event.Size))
        {
            return (int)Errno.Fault;
        }

        // The subscriptions in today's layout, then the events and their count.
        using var translated = new TranslatedPoll((int)count);
        for (var i = 0u; i < count; i++)
        {
            _ = call.TryRead<OldSubscription>(subscriptions + (i * SubscriptionSize), out var subscription);
            translated.Set((int)i, subscription);
        }

        var errno = await context.PollOneoffAsync(translated.Enter(caller.Store), 0, count * Subscription.Size, count, translated.CountAddress).ConfigureAwait(false);
        if (errno != 0)
        {
            return errno;
        }

        var happened = translated.CopyEvents(call, events);
        return (int)call.Write(eventCount, happened);
    }

    [StructLayout(LayoutKind.Explicit, Size = 56)]
    private struct OldFileStatus(in FileStatus status)
    {
        [FieldOffset(0)] public ulong Device = status.Device;
        [FieldOffset(8)] public ulong Inode = status.Inode;
        [FieldOffset(16)] public FileType FileType = status.FileType;
        [FieldOffset(20)] public uint LinkCount = (uint)Math.Min(status.LinkCount, uint.MaxValue);
        [FieldOffset(24)] public ulong Size = status.Size;
        [FieldOffset(32)] public ulong AccessTime = status.AccessTime;
        [FieldOffset(40)] public ulong ModificationTime = status.ModificationTime;
        [FieldOffset(48)] public ulong ChangeTime = status.ChangeTime;
    }

    [StructLayout(LayoutKind.Explicit, Size = 56)]
    private struct OldSubscription
    {
        [FieldOffset(0)] public ulong UserData;
        [FieldOffset(8)] public EventType Type;
        [FieldOffset(16)] public int Descriptor;
        [FieldOffset(24)] public uint Clock;
        [FieldOffset(32)] public ulong Timeout;
        [FieldOffset(40)] public ulong Precision;
        [FieldOffset(48)] public ushort ClockFlags;
    }

    /// <summary>A small memory of our own in today's layout, on which poll_oneoff can work as on a guest's.</summary>
    private sealed unsafe class TranslatedPoll : IDisposable
    {
        private readonly int count;
        private readonly uint size;
        private readonly byte* memory;

        public TranslatedPoll(int count)
        {
            this.count = count;
            size = ((uint)count * (Subscription.Size + Event.Size)) + 8;
            memory = (byte*)NativeMemory.AllocZeroed(size);
        }

        public uint CountAddress => size - 8;

        public GuestCall Enter(Store store) => new(memory, size, store);

        // Sound: the callers' indices are below the count that the memory was made for.
        public void Set(int index, in OldSubscription old)
        {
            ref var subscription = ref ((Subscription*)memory)[index];
            subscription.UserData = old.UserData;
            subscription.Type = old.Type;
            if (old.Type == EventType.Clock)
            {
                subscription.Clock = old.Clock;
                subscription.Timeout = old.Timeout;
                subscription.Precision = old.Precision;
                subscription.ClockFlags = old.ClockFlags;
            }
            else
            {
                subscription.Descriptor = old.Descriptor;
            }
        }

        // Sound: the number of events is at most the count, and the guest's range was checked for as many.
        public uint CopyEvents(GuestCall call, uint address)
        {
            var happened = Math.Min(*(uint*)(memory + CountAddress), (uint)count);
            var source = new ReadOnlySpan<byte>(memory + ((uint)count * Subscription.Size), (int)happened * Event.Size);
            if (call.TryGetSpan(address, (uint)source.Length, out var target))
            {
                source.CopyTo(target);
            }

            return happened;
        }

        public void Dispose() => NativeMemory.Free(memory);
    }
}
