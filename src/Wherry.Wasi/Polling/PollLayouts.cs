using System.Runtime.InteropServices;

namespace Wherry.Wasi.Polling;

/// <summary>What a subscription waits for, and what an event tells of.</summary>
internal enum EventType : byte
{
    Clock = 0,
    FdRead = 1,
    FdWrite = 2,
}

/// <summary>One thing that poll_oneoff waits for: the clock's fields, or the descriptor's in their place.</summary>
[StructLayout(LayoutKind.Explicit, Size = 48)]
internal struct Subscription
{
    public const int Size = 48;

    /// <summary>subscription_clock_flags: the timeout is a time, not a duration.</summary>
    public const ushort AbsoluteTime = 1;

    [FieldOffset(0)] public ulong UserData;
    [FieldOffset(8)] public EventType Type;
    [FieldOffset(16)] public int Descriptor;
    [FieldOffset(16)] public uint Clock;
    [FieldOffset(24)] public ulong Timeout;
    [FieldOffset(32)] public ulong Precision;
    [FieldOffset(40)] public ushort ClockFlags;
}

/// <summary>What happened to a subscription.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct Event
{
    public const int Size = 32;

    /// <summary>eventrwflags: the peer has closed or disconnected.</summary>
    public const ushort HangUp = 1;

    [FieldOffset(0)] public ulong UserData;
    [FieldOffset(8)] public ushort Error;
    [FieldOffset(10)] public EventType Type;
    [FieldOffset(16)] public ulong ByteCount;
    [FieldOffset(24)] public ushort Flags;
}
