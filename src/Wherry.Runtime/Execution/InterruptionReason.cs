namespace Wherry.Execution;

internal enum InterruptionReason
{
    None,
    Interrupted,
    TimeLimit,
}
