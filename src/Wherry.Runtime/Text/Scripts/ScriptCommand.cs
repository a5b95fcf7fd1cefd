namespace Wherry.Text.Scripts;

/// <summary>A directive of a test script (WAST).</summary>
/// <param name="Offset">Where it stands in the script.</param>
internal abstract record ScriptCommand(int Offset)
{
    /// <summary>Whether it asserts something, rather than preparing it.</summary>
    public virtual bool IsAssertion => true;
}

/// <summary>A module to define and, unless it is a mere definition, to instantiate.</summary>
internal sealed record ModuleCommand(int Offset, ModuleSource Source, bool IsDefinition) : ScriptCommand(Offset)
{
    public override bool IsAssertion => false;
}

/// <summary>An instance of a module defined before; of the last one if it is not named.</summary>
internal sealed record InstanceCommand(int Offset, string? Name, string? Definition) : ScriptCommand(Offset)
{
    public override bool IsAssertion => false;
}

/// <summary>Makes an instance's exports importable under a name.</summary>
internal sealed record RegisterCommand(int Offset, string Module, string? Instance) : ScriptCommand(Offset)
{
    public override bool IsAssertion => false;
}

/// <summary>An action whose results nobody looks at.</summary>
internal sealed record ActionCommand(int Offset, ScriptAction Action) : ScriptCommand(Offset)
{
    public override bool IsAssertion => false;
}

internal sealed record AssertReturnCommand(int Offset, ScriptAction Action, ScriptValue[] Results) : ScriptCommand(Offset);

/// <summary>An action, or the instantiation of a module, that must trap with a message that starts so.</summary>
internal sealed record AssertTrapCommand(int Offset, ScriptAction? Action, ModuleSource? Source, string Message) : ScriptCommand(Offset);

internal sealed record AssertExceptionCommand(int Offset, ScriptAction Action) : ScriptCommand(Offset);

internal sealed record AssertExhaustionCommand(int Offset, ScriptAction Action, string Message) : ScriptCommand(Offset);

/// <summary>A module that must be refused: as malformed, as invalid, or when it is linked.</summary>
internal sealed record AssertRejectedCommand(int Offset, Rejection Rejection, ModuleSource Source, string Message) : ScriptCommand(Offset);

/// <summary>A script that runs beside the one that holds it, with some of its instances.</summary>
internal sealed record ThreadCommand(int Offset, string Name, string[] SharedModules, ScriptCommand[] Commands) : ScriptCommand(Offset)
{
    public override bool IsAssertion => false;
}

/// <summary>Waits for the end of a thread.</summary>
internal sealed record WaitCommand(int Offset, string Thread) : ScriptCommand(Offset)
{
    public override bool IsAssertion => false;
}

/// <summary>The ways in which a module can be refused.</summary>
internal enum Rejection : byte
{
    Malformed,

    /// <summary>Malformed in a custom section or annotation.</summary>
    MalformedCustom,
    Invalid,

    /// <summary>Invalid in a custom section or annotation.</summary>
    InvalidCustom,
    Unlinkable,
}

/// <summary>The call of an export, or the reading of an exported global.</summary>
/// <param name="Instance">The name of the instance, or null for the current one.</param>
internal sealed record ScriptAction(int Offset, bool IsGet, string? Instance, string Export, ScriptValue[] Arguments);
