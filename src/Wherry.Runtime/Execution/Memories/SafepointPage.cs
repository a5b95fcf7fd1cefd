using System.Runtime.InteropServices;

namespace Wherry.Execution.Memories;

/// <summary>A store's own page, for instances without a memory. It is given back when nothing references it any more.</summary>
internal sealed unsafe class SafepointPage : IDisposable
{
    public SafepointPage()
    {
        Address = MemoryArena.IsGuarded ? MemoryArena.TakeSafepointPage() : (byte*)NativeMemory.AllocZeroed(64);
        if (Address == null)
        {
            GC.SuppressFinalize(this);
            throw new LinkException("There is no page left to interrupt another store with: too many stores are in use.");
        }
    }

    // Runs once the store is unreachable: no guest of it runs then, since a running call references the store.
    ~SafepointPage() => Free();

    public byte* Address { get; }

    /// <summary>Gives it back at once: no guest of the store will run any more.</summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        Free();
    }

    private void Free()
    {
        if (MemoryArena.IsGuarded)
        {
            MemoryArena.ReturnSafepointPage(Address);
        }
        else
        {
            NativeMemory.Free(Address);
        }
    }
}
