using System.Runtime.CompilerServices;

namespace Wherry.Execution;

/// <summary>Asks a store's guest for a sample of its stack, or to wait. Code compiled for profiling or pausing looks here at function entries and loop heads, and behind calls of imported functions.</summary>
internal sealed class SampleRequest
{
    private const int NoImport = -1;

    /// <summary>Not zero if something is wanted.</summary>
    public int IsWanted;

    public GuestProfiler? Profiler;

    /// <summary>Holds the guest, if the engine compiles for that and not for profiling.</summary>
    public PauseGate? Gate { get; private set; }

    /// <summary>For the stores of an engine: null if its code does not look.</summary>
    public static SampleRequest? Create(EngineOptions options)
    {
        if (!options.Profiling && !options.Pausing)
        {
            return null;
        }

        var request = new SampleRequest();
        if (!options.Profiling)
        {
            request.Gate = new PauseGate(request);
        }

        return request;
    }

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
        if (request.Gate is { } gate)
        {
            // The request stands until the guest is let go: other threads of it are to see it too.
            gate.Hold(instance.Store);
            return;
        }

        Volatile.Write(ref request.IsWanted, 0);
        request.Profiler?.Take(instance, import);
    }
}
