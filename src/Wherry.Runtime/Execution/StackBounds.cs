using System.Runtime.InteropServices;

namespace Wherry.Execution;

/// <summary>Where the current thread's stack ends.</summary>
internal static unsafe partial class StackBounds
{
    /// <summary>
    /// Kept free below a guest's deepest frame: for the compiler, which runs on the guest's stack when a function is first called and recurses over
    /// expressions, and for host functions.
    /// </summary>
    public const nint Reserve = 768 << 10;

    // Large enough for any pthread_attr_t.
    private const int AttributeSize = 256;

    [ThreadStatic]
    private static nint t_lowest;

    // Where the system tells it; else 0.
    [ThreadStatic]
    private static nint t_highest;

    /// <summary>The lowest address that a guest's frames may reach on this thread.</summary>
    public static nint GuestLimit
    {
        get
        {
            nint lowest = t_lowest;
            return (lowest != 0 ? lowest : t_lowest = FindLowest()) + Reserve;
        }
    }

    /// <summary>An address in the caller's frame, roughly.</summary>
    public static nint Current
    {
        get
        {
            byte local;
            return (nint)(&local);
        }
    }

    /// <summary>Between which addresses the current thread's stack is.</summary>
    /// <returns>False if the system doesn't tell.</returns>
    public static bool TryGet(out nint lowest, out nint highest)
    {
        _ = GuestLimit;
        lowest = t_lowest;
        highest = t_highest;
        return highest > lowest;
    }

    private static nint FindLowest()
    {
        nint current = Current;
        nint lowest = 0;
        if (OperatingSystem.IsLinux())
        {
            lowest = FindOnLinux();
        }
        else if (OperatingSystem.IsMacOS())
        {
            nint self = pthread_self();
            lowest = pthread_get_stackaddr_np(self) - (nint)pthread_get_stacksize_np(self);
        }
        else if (OperatingSystem.IsWindows())
        {
            nuint low, high;
            GetCurrentThreadStackLimits(&low, &high);
            lowest = (nint)low;
        }

        // An unlimited stack is not one: take what surely is there. Where nothing is known, .NET's own threads have at least 1.5 MiB.
        const nint Largest = 256 << 20;
        const nint Smallest = 1280 << 10;
        return lowest <= 0 || lowest > current ? current - Smallest : Math.Max(lowest, current - Largest);
    }

    private static nint FindOnLinux()
    {
        byte* attributes = stackalloc byte[AttributeSize];
        if (pthread_getattr_np(pthread_self(), attributes) != 0)
        {
            return 0;
        }

        nint lowest;
        nuint size, guardSize;
        int result = pthread_attr_getstack(attributes, &lowest, &size);
        int guard = pthread_attr_getguardsize(attributes, &guardSize);
        _ = pthread_attr_destroy(attributes);

        t_highest = result != 0 ? 0 : lowest + (nint)size;

        // glibc counts the guard pages as stack on some versions: they are taken off to be safe.
        return result != 0 ? 0 : lowest + (guard == 0 ? (nint)guardSize : 0);
    }

    [LibraryImport("libc")]
    private static partial nint pthread_self();

    [LibraryImport("libc")]
    private static partial int pthread_getattr_np(nint thread, byte* attributes);

    [LibraryImport("libc")]
    private static partial int pthread_attr_getstack(byte* attributes, nint* address, nuint* size);

    [LibraryImport("libc")]
    private static partial int pthread_attr_getguardsize(byte* attributes, nuint* size);

    [LibraryImport("libc")]
    private static partial int pthread_attr_destroy(byte* attributes);

    [LibraryImport("libc")]
    private static partial nint pthread_get_stackaddr_np(nint thread);

    [LibraryImport("libc")]
    private static partial nuint pthread_get_stacksize_np(nint thread);

    [LibraryImport("kernel32")]
    private static partial void GetCurrentThreadStackLimits(nuint* low, nuint* high);
}
