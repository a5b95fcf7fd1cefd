namespace Wherry.Wasi.Threads;

/// <summary>A thread that a guest started: an instance of its module in a store of its own.</summary>
internal sealed class GuestThread(int id, Store store, Module module, int argument)
{
    public int Id { get; } = id;

    public Store Store { get; } = store;

    public Module Module { get; } = module;

    public int Argument { get; } = argument;

    /// <summary>Set before it starts.</summary>
    public Thread Thread { get; set; } = null!;
}
