namespace Wherry.Execution.Memories;

internal static class MemoryArena
{
    public static bool IsGuarded => false;
}
