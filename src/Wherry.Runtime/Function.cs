using Wherry.Execution;
using Wherry.Hosting;
using Wherry.Types;

namespace Wherry;

/// <summary>A function of a guest or of the host, and a value that guests may hold (funcref).</summary>
public sealed class Function
{
    // Compiled code reads these three and calls Code(arguments…, Target). They never change: another thread could see a torn pair.
    // Where the target is null, an instance's own code passes the instance: see InstanceTemplate.
    internal readonly nint Code;
    internal readonly object Target;
    internal readonly int TypeNumber;

    // For callers that look for returned exceptions: see PendingException. Otherwise the same.
    internal readonly nint GuestCode;
    internal readonly object GuestTarget;

    /// <summary>The function to call for it, this one or, once it has resolved itself, one that goes straight to the code. References are called through it; whichever is found does the same.</summary>
    internal Function Current;

    internal readonly DefinedType DefinedType;

    /// <summary>Its index in its module, if it goes straight to the code; otherwise -1.</summary>
    internal int Index { get; init; } = -1;

    // Guests' calls from another thread than their own need more stack than threads have by default.
    private const int AsyncStackSize = 16 << 20;

    private BoxedCall? _boxedCall;

    internal Function(DefinedType type, nint code, object target)
        : this(type, code, target, code, target)
    {
    }

    /// <summary>A function that many instances share. It is never given to the host, or to another instance.</summary>
    internal Function(DefinedType type, nint code)
        : this(type, code, null!)
    {
    }

    internal Function(DefinedType type, nint code, object target, nint guestCode, object guestTarget)
    {
        GuestCode = guestCode;
        GuestTarget = guestTarget;
        Code = code;
        Target = target;
        TypeNumber = type.Number;
        DefinedType = type;
        Current = this;
    }

    /// <summary>Its parameters and results.</summary>
    public FunctionType Type => DefinedType.Function!;

    /// <summary>Its store.</summary>
    public Store Store => Target switch
    {
        GuestInstance guest => guest.Store,
        ThrowingTarget throwing => throwing.Instance.Store,
        HostFunction host => host.Store,
        UnresolvedFunction unresolved => unresolved.Instance.Store,
        _ => throw new NotSupportedException(),
    };

    /// <summary>A function of the host, for tables, globals and arguments; those that are to be imported are defined in a <see cref="Linker"/>.</summary>
    /// <param name="function">As for <see cref="Linker.DefineFunction"/>; object stands for externref.</param>
    /// <exception cref="ArgumentException">The signature can't be a guest's.</exception>
    public static Function Create(Store store, Delegate function)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(function);
        return HostFunctions.Create(store, function);
    }

    /// <summary>Calls it with boxed values; <see cref="As{T}"/> is far faster.</summary>
    /// <returns>The results.</returns>
    /// <exception cref="ArgumentException">The arguments are not of the parameters' number or types.</exception>
    /// <exception cref="TrapException">The guest trapped.</exception>
    public object?[] Invoke(params ReadOnlySpan<object?> arguments)
    {
        FunctionType type = Type;
        if (arguments.Length != type.Parameters.Length)
        {
            throw new ArgumentException($"The function takes {type.Parameters.Length} arguments, not {arguments.Length}: its signature is {type}.", nameof(arguments));
        }

        BoxedCall call = _boxedCall ??= GuestDelegates.CreateBoxed(this);
        object?[] results = type.Results.IsEmpty ? [] : new object?[type.Results.Length];
        call(arguments.ToArray(), results);
        return results;
    }

    /// <summary>A delegate that calls it without boxing or allocation.</summary>
    /// <typeparam name="T">
    /// A delegate type with the function's signature: int or uint for i32, long or ulong for i64, object for references (Function for funcref,
    /// any class for externref), a tuple for several results.
    /// </typeparam>
    /// <exception cref="ArgumentException">The signatures differ.</exception>
    public T As<T>()
        where T : Delegate => (T)GuestDelegates.Create(this, typeof(T));

    /// <summary>Calls it on a thread of its own.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <param name="cancellationToken">Interrupts the call: the task is cancelled then. The store can be used again afterwards.</param>
    /// <returns>The results.</returns>
    public Task<object?[]> CallAsync(object?[] arguments, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<object?[]>(cancellationToken);
        }

        var completion = new TaskCompletionSource<object?[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() => Run(arguments, completion, cancellationToken), AsyncStackSize) { IsBackground = true, Name = "Wherry guest" };
        thread.Start();
        return completion.Task;
    }

    private void Run(object?[] arguments, TaskCompletionSource<object?[]> completion, CancellationToken cancellationToken)
    {
        try
        {
            completion.SetResult(RunCancellable(arguments, cancellationToken));
        }
        catch (TrapException trap) when (trap.Kind == TrapKind.Interrupted && cancellationToken.IsCancellationRequested)
        {
            _ = completion.TrySetCanceled(cancellationToken);
        }
        catch (Exception exception)
        {
            // Whatever it is, it belongs to the one who awaits the call.
            _ = completion.TrySetException(exception);
        }
    }

    private object?[] RunCancellable(object?[] arguments, CancellationToken cancellationToken)
    {
        Store store = Store;
        store.EnterUnbiased();
        try
        {
            using CancellationTokenRegistration registration = store.InterruptCallWhenCancelled(cancellationToken);
            return Invoke(arguments);
        }
        finally
        {
            store.ExitUnbiased();
        }
    }
}
