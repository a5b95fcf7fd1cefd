using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Wherry.Hosting;

/// <summary>
/// What makes delegates to the functions of one module, by delegate type and function: a pool's instances are asked for the same delegates again and again, and neither the signature nor the adapter
/// needs to be looked at more than once.
/// </summary>
internal sealed class EntryFactories
{
    // Delegate types may be of collectible assemblies: the table doesn't keep them.
    private readonly ConditionalWeakTable<Type, ConcurrentDictionary<int, Func<GuestEntry, Delegate>>> _factories = [];

    public Func<GuestEntry, Delegate>? Find(Type delegateType, int function) =>
        _factories.TryGetValue(delegateType, out ConcurrentDictionary<int, Func<GuestEntry, Delegate>>? ofType) && ofType.TryGetValue(function, out Func<GuestEntry, Delegate>? factory) ? factory : null;

    public void Add(Type delegateType, int function, Func<GuestEntry, Delegate> factory) =>
        _factories.GetValue(delegateType, static _ => new ConcurrentDictionary<int, Func<GuestEntry, Delegate>>())[function] = factory;
}
