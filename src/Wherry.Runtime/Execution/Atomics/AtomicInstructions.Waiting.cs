using System.Runtime.CompilerServices;

namespace Wherry.Execution.Atomics;

/// <content>
/// Wait and notify. The address must be the memory's, whoever waits; in a guarded memory only an access shows that. None is inlined: where the JIT knows the pointer to be good
/// since another access went through it, it leaves out what only reads.
/// </content>
internal static unsafe partial class AtomicInstructions
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int MemoryAtomicNotify(byte* address, int count, GuestInstance instance, int memory)
    {
        _ = Volatile.Read(ref *(int*)address);
        return instance.Memories[memory].Type.IsShared ? WaitQueues.Notify(address, (uint)count) : 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int MemoryAtomicWait32(byte* address, int expected, long timeout, GuestInstance instance, int memory)
    {
        _ = Volatile.Read(ref *(int*)address);
        RequireShared(instance, memory);
        return WaitQueues.Wait32(address, expected, timeout, instance.Store.InterruptionToken);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int MemoryAtomicWait64(byte* address, long expected, long timeout, GuestInstance instance, int memory)
    {
        _ = Volatile.Read(ref *(long*)address);
        RequireShared(instance, memory);
        return WaitQueues.Wait64(address, expected, timeout, instance.Store.InterruptionToken);
    }

    /// <summary>Throws if an address is not a multiple of the access.</summary>
    public static byte* CheckAlignment(byte* address, int size)
    {
        // Memories start at a page, so that addresses of the host are aligned as the guest's are.
        if (((nuint)address & (nuint)(size - 1)) != 0)
        {
            throw new GuestTrapException(TrapKind.UnalignedAtomic);
        }

        return address;
    }

    private static void RequireShared(GuestInstance instance, int memory)
    {
        if (!instance.Memories[memory].Type.IsShared)
        {
            throw new GuestTrapException(TrapKind.ExpectedSharedMemory);
        }
    }
}
