using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Wherry.Execution.Memories;

/// <summary>
/// The pages that compiled code reads at loop heads. Where faults become exceptions, a page is made unreadable to interrupt; elsewhere compiled code
/// compares the byte with zero.
/// </summary>
internal static unsafe class SafepointPages
{
    private const ulong PageSize = 4096;

    public static void SetInterrupted(byte* page, bool isInterrupted)
    {
        if (!MemoryArena.IsGuarded)
        {
            Volatile.Write(ref *page, isInterrupted ? (byte)1 : (byte)0);
            return;
        }

        bool isDone = isInterrupted ? SystemMemory.Protect(page, PageSize) : SystemMemory.Commit(page, PageSize, isWritable: false);
        if (!isDone)
        {
            throw new Win32Exception(OperatingSystem.IsWindows() ? Marshal.GetLastPInvokeError() : Marshal.GetLastSystemError(), "Could not change the protection of a page to interrupt a guest.");
        }
    }
}
