using System.Reflection;
using Wherry.Binary;
using Wherry.Compilation.Suspension;

namespace Wherry.Compilation;

/// <summary>Where the code of a module is written to, as the code of a function refers to it.</summary>
internal interface ICodeTarget
{
    ModuleDefinition Definition { get; }

    CompilerOptions Options { get; }

    CodeLayout Layout { get; }

    /// <summary>Which functions are compiled in haste first, and again when they run often.</summary>
    Haste Haste { get; }

    /// <summary>The tokens of fields in the code, where they are known before it is written.</summary>
    FieldTokens? FieldTokens { get; }

    /// <summary>The method of a function of the module, for another function's code to call. Its body may not exist yet.</summary>
    MethodInfo GetMethod(int function);

    /// <summary>The functions that a wait can leave, or null if there are none.</summary>
    ModuleSuspension? Suspension => null;

    /// <summary>The address of a function's code as one that can't be left.</summary>
    nint GetPlainCode(int function) => throw new NotSupportedException();

    /// <summary>The field of a global that only this module sees, or null: other globals are objects.</summary>
    FieldInfo? GetGlobalField(int global);

    /// <summary>The field that holds the number of a type of the module, or null if code can hold the number itself.</summary>
    FieldInfo? GetTypeNumberField(int type);
}
