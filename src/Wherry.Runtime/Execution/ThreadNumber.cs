using System.Runtime.CompilerServices;

namespace Wherry.Execution;

/// <summary>Numbers for threads that, unlike the CLR's, are never used again: what is kept about a thread that has ended can't be taken for another's.</summary>
internal static class ThreadNumber
{
    private static int s_last;

    [ThreadStatic]
    private static int t_current;

    /// <summary>The current thread's number, above zero.</summary>
    public static int Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            int number = t_current;
            return number != 0 ? number : Give();
        }
    }

    /// <summary>The same, or 0 if it has none yet.</summary>
    public static int CurrentOrZero => t_current;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Give() => t_current = checked(Interlocked.Increment(ref s_last));
}
