using Wherry.Binary;
using Wherry.Types;

namespace Wherry.Compilation.Suspension;

/// <summary>
/// The functions of a module that a wait can leave. Each is code of its own beside that of the same function which can't be left, and is there only for functions that were found below a wait: what
/// may be reached from everywhere is waited for in few places, and all other code is as fast as ever. Code that can be left looks here for the code to call. Where there is only code that can't be
/// left, a wait below keeps its thread, and what was found below it is compiled when it is called for the next time.
/// </summary>
/// <param name="known">The functions that were found below a wait.</param>
/// <param name="waitsAtEachCall">For tests: whether each function can be left, and is, at its start.</param>
/// <param name="compile">Compiles a function as one that can be left.</param>
/// <param name="getStub">Makes the code by which functions of a type are entered again.</param>
internal sealed class ModuleSuspension(ICodeTarget module, SuspensionPlan plan, WaitingFunctions known, bool waitsAtEachCall, Func<int, nint> compile, Func<DefinedType, nint> getStub)
{
    private readonly Lock _lock = new();
    private readonly nint[] _code = new nint[module.Definition.Functions.Length];
    private readonly nint[] _stubs = new nint[module.Definition.Functions.Length];
    private readonly bool[] _refused = new bool[module.Definition.Functions.Length];

    /// <summary>From which functions a wait can be reached.</summary>
    public SuspensionPlan Plan { get; } = plan;

    public bool WaitsAtEachCall { get; } = waitsAtEachCall;

    /// <summary>How many functions can be left.</summary>
    public int Count { get; private set; }

    /// <summary>The code of a function that can be left.</summary>
    public nint CodeOf(int function) => Volatile.Read(ref _code[function]);

    /// <summary>The code by which a function is entered again: it takes nothing but the instance.</summary>
    public nint GetRewindStub(int function)
    {
        nint stub = Volatile.Read(ref _stubs[function]);
        if (stub == 0)
        {
            stub = getStub(module.Definition.Functions[function]);
            Volatile.Write(ref _stubs[function], stub);
        }

        return stub;
    }

    /// <summary>Whether a guest that starts now tries functions of which nothing is known.</summary>
    public WaitTrial? TryBeginTrial() => known.TryTakeTrial() ? new WaitTrial(this) : null;

    /// <summary>The code to call for a function, from one that can be left.</summary>
    /// <param name="trial">What the guest tries, if it does.</param>
    /// <param name="keepsThread">Whether it can't be left.</param>
    public nint Enter(int function, WaitTrial? trial, out bool keepsThread)
    {
        nint code = 0;
        if (known.Contains(function) || WaitsAtEachCall || trial?.TryTake(this, function) == true)
        {
            code = CodeOf(function);
            if (code == 0 && TryAdd(function))
            {
                code = CodeOf(function);
            }
        }

        keepsThread = code == 0;
        return keepsThread ? module.GetPlainCode(function) : code;
    }

    /// <summary>
    /// A function was found below a wait: it can be left from its next call on, here and in other code of the same module, if it can at all. It is compiled when it is called: a guest may have called thousands of functions
    /// where it waits, or have as many whose tail calls lead there.
    /// </summary>
    public void Learn(int function)
    {
        var open = new Stack<int>([function]);
        while (open.TryPop(out int next))
        {
            if (!known.Contains(next) && Plan.Reaches(next) && known.TryAdd(next))
            {
                foreach (int caller in Plan.TailCallersOf(next))
                {
                    open.Push(caller);
                }
            }
        }
    }

    /// <summary>Compiles what is known.</summary>
    public void AddKnown()
    {
        for (int i = module.Definition.ImportedFunctionCount; i < _code.Length; i++)
        {
            if (known.Contains(i))
            {
                _ = TryAdd(i);
            }
        }
    }

    /// <summary>Compiles a function as one that can be left.</summary>
    /// <returns>Whether it can be.</returns>
    public bool TryAdd(int function)
    {
        if (CodeOf(function) != 0)
        {
            return true;
        }

        if (function < module.Definition.ImportedFunctionCount || !Plan.Reaches(function) || Volatile.Read(ref _refused[function]))
        {
            return false;
        }

        FunctionBody body = module.Definition.Bodies[function - module.Definition.ImportedFunctionCount];
        if (!Fits(function, body))
        {
            Volatile.Write(ref _refused[function], true);
            return false;
        }

        // Two threads must not write it both: the runtime knows its class by name.
        lock (_lock)
        {
            if (_code[function] == 0)
            {
                Volatile.Write(ref _code[function], compile(function));
                Count++;
            }
        }

        return true;
    }

    // Beyond these limits the JIT does not optimize, which costs more than a thread. Small functions may be beyond them too: each wait keeps all that is alive.
    private bool Fits(int function, FunctionBody body)
    {
        var trial = new IlWriter(null);
        try
        {
            new FunctionEmitter(module, function, trial, suspends: true).Emit();
        }
        catch (FunctionTooLargeException)
        {
            return false;
        }

        return trial.CodeSize.Share <= 1 && body.End - body.Offset <= LargeFunctionCompiler.Threshold;
    }
}
