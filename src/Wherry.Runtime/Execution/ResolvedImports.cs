namespace Wherry.Execution;

/// <summary>What an instance imports, by kind and index.</summary>
internal sealed record ResolvedImports(Function[] Functions, Table[] Tables, Memory[] Memories, Global[] Globals, Tag[] Tags);
