using System.Runtime.InteropServices;

namespace Wherry.Cli.Running;

/// <summary>Ends the process at once when a person or a supervisor asks for it, whatever the guest is doing.</summary>
internal static class Signals
{
    private static readonly List<PosixSignalRegistration> Registrations = [];

    public static void EndOnRequest()
    {
        On(PosixSignal.SIGINT, ExitCodes.Interrupted);
        On(PosixSignal.SIGTERM, ExitCodes.Terminated);
    }

    private static void On(PosixSignal signal, int exitCode) => Registrations.Add(PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        Environment.Exit(exitCode);
    }));
}
