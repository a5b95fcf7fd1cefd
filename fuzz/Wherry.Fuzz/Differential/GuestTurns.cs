using System.Runtime.ExceptionServices;
using Wherry.Execution.Suspension;

namespace Wherry.Fuzz.Differential;

/// <summary>Calls guests that are left while they wait, and enters them again, now and then on another thread.</summary>
internal sealed class GuestTurns
{
    private const int StackSize = 16 << 20;
    private const int SameThread = 8;

    /// <summary>How often guests have been left.</summary>
    public long Count { get; private set; }

    public object?[] Call(Function function, object?[] arguments)
    {
        var call = new SuspendableCall(function, arguments);
        while (!(Count % SameThread == SameThread - 1 ? RunElsewhere(call) : call.Run()))
        {
            Count++;
        }

        return call.Results;
    }

    private static bool RunElsewhere(SuspendableCall call)
    {
        bool hasEnded = false;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    hasEnded = call.Run();
                }
#pragma warning disable CA1031 // It is thrown again on the first thread.
                catch (Exception error)
                {
                    failure = ExceptionDispatchInfo.Capture(error);
                }
#pragma warning restore CA1031
            },
            StackSize);
        thread.Start();
        thread.Join();
        failure?.Throw();
        return hasEnded;
    }
}
