namespace Wherry.Compilation;

/// <summary>
/// The JIT's need of stack grows with the function. Large functions are compiled on threads of their own, so that what is kept free under a
/// guest's stack limit is enough for all others.
/// </summary>
internal static class LargeFunctionCompiler
{
    /// <summary>Functions with more bytes of Wasm than this are large.</summary>
    public const int Threshold = 32 * 1024;

    // Reserved, not used unless needed.
    private const int StackSize = 256 * 1024 * 1024;

    /// <summary>Runs something on a thread with a large stack.</summary>
    public static Task Run(Action action)
    {
        var completion = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(
            () =>
            {
                try
                {
                    action();
                    completion.SetResult();
                }
#pragma warning disable CA1031 // It is thrown again where it is waited for.
                catch (Exception exception)
#pragma warning restore CA1031
                {
                    completion.SetException(exception);
                }
            },
            StackSize)
        {
            IsBackground = true,
            Name = "Wherry compiler",
        };
        thread.Start();
        return completion.Task;
    }
}
