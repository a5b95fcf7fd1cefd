namespace Wherry.Execution;

/// <summary>
/// Where compiled code leaves an exception before it returns to a caller that looks here: throwing one of the CLR's takes microseconds. Shared by the instances of a store,
/// which only one thread runs at a time. It holds something only while frames return.
/// </summary>
internal sealed class PendingException
{
    public WasmException? Value;
}
