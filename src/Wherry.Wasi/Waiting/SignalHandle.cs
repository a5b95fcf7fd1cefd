using System.Runtime.InteropServices;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Waiting;

/// <summary>An eventfd, made when first asked for, by which things that have no handle of the host take part in poll. Any thread may set it.</summary>
internal sealed unsafe class SignalHandle
{
    private readonly Lock gate = new();
    private int handle = -1;
    private bool isClosed;

    /// <summary>The handle, or -1 when closed or where there is none.</summary>
    public int GetHandle()
    {
        lock (gate)
        {
            if (handle < 0 && !isClosed && OperatingSystem.IsLinux())
            {
                handle = Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);
                if (handle < 0)
                {
                    throw new IOException($"No eventfd for waiting: error {Marshal.GetLastSystemError()}.");
                }
            }

            return handle;
        }
    }

    /// <summary>Makes it readable.</summary>
    public void Set()
    {
        lock (gate)
        {
            if (handle >= 0)
            {
                ulong one = 1;

                // Sound: eight bytes of a local, as an eventfd wants them.
                _ = Libc.write(handle, (byte*)&one, 8);
            }
        }
    }

    /// <summary>Makes it not readable.</summary>
    public void Clear()
    {
        lock (gate)
        {
            if (handle >= 0)
            {
                ulong value;

                // Sound: eight bytes of a local; the handle doesn't block.
                _ = Libc.read(handle, (byte*)&value, 8);
            }
        }
    }

    /// <summary>Gives it back; setting it later does nothing.</summary>
    public void Close()
    {
        lock (gate)
        {
            isClosed = true;
            if (handle >= 0)
            {
                _ = Libc.close(handle);
                handle = -1;
            }
        }
    }
}
