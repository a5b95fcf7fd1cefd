using System.Runtime.InteropServices;

namespace Wherry.Execution;

/// <summary>
/// Where a thread's stack is, for as long as it is that thread's. An address on the stack tells which thread runs for less than its number does, which lies in thread-local storage: but when a thread
/// has ended, another one's stack can lie there, and be smaller. So each of these has a cell that the C library changes when the thread ends, before its stack is given back: who stands on the stack and finds the
/// cell as it was is the thread that it is about. Linux only.
/// </summary>
/// <remarks>
/// The cell is a POSIX semaphore, and what the C library calls with it at the thread's end is <c>sem_post</c>, as the destructor of a thread-specific value (pthread_key_create). So it is changed without code of
/// .NET, which can't run any more on such a thread. The process's first thread has no such end.
/// </remarks>
internal sealed unsafe partial class ThreadStack
{
    // Large enough for any sem_t.
    private const int CellSize = 64;

    // The kernel keeps other mappings further away from the top of the first thread's stack, whatever its limit is. On other threads, calls from deeper are only less quick.
    private const nint MostBytes = 64 << 20;

    // The key and one more; 0 if there is none.
    private static readonly long s_key = CreateKey();

    [ThreadStatic]
    private static ThreadStack? t_current;

    private readonly int* _cell;

    private ThreadStack(nint lowest, nint highest, int* cell)
    {
        Start = Math.Max(lowest, highest - MostBytes);
        Size = (nuint)(highest - Start);
        _cell = cell;
    }

    ~ThreadStack()
    {
        // While the thread lives, its thread-local reference keeps this. Between the loss of that and the thread's end there is a moment, in which the cell is rather lost than given back too early.
        if (Volatile.Read(ref *_cell) != 0)
        {
            NativeMemory.Free(_cell);
        }
    }

    /// <summary>The current thread's, or null if it can't be known.</summary>
    public static ThreadStack? Current => t_current ??= TryCreate();

    /// <summary>The lowest address.</summary>
    public nint Start { get; }

    /// <summary>Bytes from there on.</summary>
    public nuint Size { get; }

    /// <summary>The address of an int that is zero until the thread ends. It is good as long as this object is referenced.</summary>
    public nint Cell => (nint)_cell;

    /// <summary>Whether the caller stands on it: not on another stack that its thread was switched to, nor deeper than what is known.</summary>
    public bool HoldsCurrent
    {
        get
        {
            byte local;
            return (nuint)((nint)(&local) - Start) < Size;
        }
    }

    private static ThreadStack? TryCreate()
    {
        if (s_key == 0 || !StackBounds.TryGet(out nint lowest, out nint highest))
        {
            return null;
        }

        // Sound: memory for a semaphore. It is given back only after the thread's end, whose change is the last that is done with it.
        var cell = (int*)NativeMemory.AllocZeroed(CellSize);
        if (sem_init(cell, 0, 0) == 0 && *cell == 0 && pthread_setspecific((uint)(s_key - 1), cell) == 0)
        {
            return new ThreadStack(lowest, highest, cell);
        }

        NativeMemory.Free(cell);
        return null;
    }

    private static long CreateKey()
    {
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libc", typeof(ThreadStack).Assembly, null, out nint library) || !NativeLibrary.TryGetExport(library, "sem_post", out nint post))
        {
            return 0;
        }

        // Whether it is the int at the start that changes. Sound: the memory is as large as the library's semaphores, and this is the function's signature.
        int* trial = stackalloc int[CellSize / sizeof(int)];
        new Span<int>(trial, CellSize / sizeof(int)).Clear();
        bool isKnown = sem_init(trial, 0, 0) == 0 && *trial == 0 && ((delegate* unmanaged<int*, int>)post)(trial) == 0 && *trial != 0;
        uint key;
        return isKnown && pthread_key_create(&key, post) == 0 ? key + 1L : 0;
    }

    [LibraryImport("libc")]
    private static partial int sem_init(int* semaphore, int isShared, uint value);

    [LibraryImport("libc")]
    private static partial int pthread_key_create(uint* key, nint destructor);

    [LibraryImport("libc")]
    private static partial int pthread_setspecific(uint key, void* value);
}
