using System.Runtime.CompilerServices;

namespace Wherry.Execution;

/// <summary>Asks a store's guest for a sample of its stack. Code compiled for profiling looks here at function entries and loop heads, and behind calls of imported functions.</summary>
internal sealed class SampleRequest
{
    private const int NoImport = -1;

    /// <summary>Not zero if a sample is wanted.</summary>
    public int IsWanted;

    public GuestProfiler? Profiler;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Poll(GuestInstance instance)
    {
        if (Volatile.Read(ref instance.SampleRequest!.IsWanted) != 0)
        {
            Take(instance, NoImport);
        }
    }

    /// <summary>Behind a call of an imported function: what passed since the last sample was spent there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PollAfterImport(GuestInstance instance, int import)
    {
        if (Volatile.Read(ref instance.SampleRequest!.IsWanted) != 0)
        {
            Take(instance, import);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Take(GuestInstance instance, int import)
    {
        SampleRequest request = instance.SampleRequest!;
        Volatile.Write(ref request.IsWanted, 0);
        request.Profiler?.Take(instance, import);
    }
}
