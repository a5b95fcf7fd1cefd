namespace Wherry;

/// <summary>Names what modules may import, and instantiates them. Define all first; then any number of threads may instantiate.</summary>
public sealed class Linker
{
    /// <summary>A linker without definitions.</summary>
    public Linker(Engine engine)
    {
        ArgumentNullException.ThrowIfNull(engine);
        Engine = engine;
    }

    /// <summary>The engine of the modules.</summary>
    public Engine Engine { get; }

    /// <summary>
    /// Whether a definition replaces earlier ones of the same name. If not, several definitions stand beside each other, and the first whose type fits
    /// an import is taken.
    /// </summary>
    public bool AllowShadowing { get; set; }

    /// <summary>Defines a function.</summary>
    public void Define(string module, string name, Function function) => throw new NotImplementedException();

    /// <summary>Defines a memory.</summary>
    public void Define(string module, string name, Memory memory) => throw new NotImplementedException();

    /// <summary>Defines a table.</summary>
    public void Define(string module, string name, Table table) => throw new NotImplementedException();

    /// <summary>Defines a global.</summary>
    public void Define(string module, string name, Global global) => throw new NotImplementedException();

    /// <summary>Defines an exception tag.</summary>
    public void Define(string module, string name, Tag tag) => throw new NotImplementedException();

    /// <summary>Defines a host function, for instances of any store.</summary>
    /// <param name="function">
    /// Parameters: optionally a <see cref="Caller"/> first, then int or uint for i32, long or ulong for i64, float, double, Vector128 of byte, object or Function
    /// for references, optionally a <see cref="CancellationToken"/> last. Result: none, one, a tuple, or a ValueTask of these.
    /// </param>
    public void DefineFunction(string module, string name, Delegate function) => throw new NotImplementedException();

    /// <summary>Defines the methods of an object that carry a <see cref="WasmFunctionAttribute"/>, as <see cref="DefineFunction"/> does.</summary>
    public void DefineMethods(string module, object target) => throw new NotImplementedException();

    /// <summary>Defines all exports of an instance under a module name.</summary>
    public void DefineInstance(string module, Instance instance) => throw new NotImplementedException();

    /// <summary>Finds what the module imports, makes an instance, and runs its start function.</summary>
    /// <exception cref="LinkException">An import is missing or of another type, or a limit stands in the way.</exception>
    /// <exception cref="TrapException">A segment doesn't fit, or the start function trapped.</exception>
    public Instance Instantiate(Store store, Module module) => throw new NotImplementedException();
}
