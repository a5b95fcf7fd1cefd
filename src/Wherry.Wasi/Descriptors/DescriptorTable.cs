using System.Diagnostics.CodeAnalysis;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Descriptors;

/// <summary>
/// The guest's file descriptors. The lowest free number is given first, as POSIX has it. Changes are made under a lock; look-ups take none,
/// since they are on every call's path and one thread at a time runs in a guest, or has the turn.
/// </summary>
/// <param name="maximumCount">How many the guest may have.</param>
/// <param name="isOneOfMany">Whether it leaves some of the process's handles to other guests.</param>
internal sealed class DescriptorTable(int maximumCount, bool isOneOfMany = false) : IDisposable
{
    // They have no handles.
    private const int StandardStreams = 3;

    private readonly object gate = new();
    private Descriptor?[] descriptors = new Descriptor?[16];
    private int lowestFree;
    private int hidden;

    /// <summary>Changes when a number comes to mean something else, or nothing: what was noted about numbers is then void.</summary>
    public int Version { get; private set; }

    /// <summary>How many are open.</summary>
    public int Count { get; private set; }

    /// <summary>The descriptor, if open.</summary>
    public bool TryGet(int number, [NotNullWhen(true)] out Descriptor? descriptor)
    {
        var all = descriptors;
        descriptor = (uint)number < (uint)all.Length ? all[number] : null;
        return descriptor is not null;
    }

    /// <summary>The descriptor if it is open and has the rights, else Badf or Notcapable.</summary>
    public Errno Get(int number, Rights rights, out Descriptor descriptor)
    {
        var all = descriptors;
        descriptor = (uint)number < (uint)all.Length ? all[number]! : null!;
        return descriptor is null ? Errno.Badf : descriptor.Has(rights) ? Errno.Success : Errno.Notcapable;
    }

    /// <summary>Takes the lowest free number. If there is none, or the process has too few handles left, the descriptor is closed and the answer is Mfile.</summary>
    public Errno Add(Descriptor descriptor, out int number)
    {
        lock (gate)
        {
            if (Count + hidden >= maximumCount || IsLeftToOthers(descriptor.OpenedHandle))
            {
                number = -1;
            }
            else
            {
                number = lowestFree;
                if (number == descriptors.Length)
                {
                    Array.Resize(ref descriptors, descriptors.Length * 2);
                }

                descriptors[number] = descriptor;
                Count++;
                FindLowestFree();
                return Errno.Success;
            }
        }

        descriptor.Close();
        return Errno.Mfile;
    }

    /// <summary>Counts a handle of the process that a descriptor takes besides its own.</summary>
    /// <param name="handle">The handle.</param>
    /// <returns>False if the guest has as many as it may, or the process too few left: the caller closes the handle.</returns>
    public bool TryAddHidden(int handle)
    {
        lock (gate)
        {
            if (Count + hidden >= maximumCount || IsLeftToOthers(handle))
            {
                return false;
            }

            hidden++;
            return true;
        }
    }

    /// <summary>A handle that <see cref="TryAddHidden"/> counted is closed.</summary>
    public void RemoveHidden()
    {
        lock (gate)
        {
            hidden--;
        }
    }

    /// <summary>Takes a number out of use; the caller closes the descriptor.</summary>
    public bool Remove(int number, [NotNullWhen(true)] out Descriptor? descriptor)
    {
        lock (gate)
        {
            if (!TryGet(number, out descriptor))
            {
                return false;
            }

            descriptors[number] = null;
            Version++;
            Count--;
            lowestFree = Math.Min(lowestFree, number);
            return true;
        }
    }

    /// <summary>Moves a descriptor over another open one, which is closed.</summary>
    public Errno Renumber(int from, int to)
    {
        Descriptor? replaced;
        lock (gate)
        {
            if (!TryGet(from, out var moved) || !TryGet(to, out replaced))
            {
                return Errno.Badf;
            }

            if (from == to)
            {
                return Errno.Success;
            }

            descriptors[to] = moved;
            Version++;
            descriptors[from] = null;
            Count--;
            lowestFree = Math.Min(lowestFree, from);
        }

        replaced.Close();
        return Errno.Success;
    }

    /// <summary>A descriptor's rights or its host handle changed.</summary>
    public void Invalidate() => Version++;

    /// <summary>Closes all.</summary>
    public void Dispose()
    {
        Descriptor?[] all;
        lock (gate)
        {
            all = descriptors;
            descriptors = new Descriptor?[16];
            Count = 0;
            lowestFree = 0;
        }

        foreach (var descriptor in all)
        {
            descriptor?.Close();
        }
    }

    private bool IsLeftToOthers(int handle) =>
        isOneOfMany ? HostHandles.IsBeyond(handle, Count + hidden) || (Count <= StandardStreams && HostHandles.IsBeyondFirst(handle)) : HostHandles.IsBeyond(handle, 0);

    private void FindLowestFree()
    {
        while (lowestFree < descriptors.Length && descriptors[lowestFree] is not null)
        {
            lowestFree++;
        }
    }
}
