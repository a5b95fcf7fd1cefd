using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Wherry.Compilation;
using ModuleDefinition = Wherry.Binary.ModuleDefinition;

namespace Wherry.Aot;

/// <summary>Compiles the code of a module to native code.</summary>
internal static class NativeCompiler
{
    private const int ImplementationFlagsOffset = 4;

    /// <summary>Gives the assembly's bytes, and the functions that crossgen2 left to the JIT.</summary>
    /// <exception cref="PrecompilationException">It can't be done.</exception>
    public static (byte[] Assembly, int[] LeftFunctions) Compile(
        ModuleDefinition definition, CompilerOptions options, string crossgen, CancellationToken cancellationToken = default)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("wherry-");
        try
        {
            string saved = Path.Combine(folder.FullName, "guest.dll");
            string native = Path.Combine(folder.FullName, "native.dll");
            CodeLayout layout;
            using (FileStream output = File.Create(saved))
            {
                layout = SavedModule.Write(definition, options, output);
            }

            Crossgen.Compile(crossgen, saved, native, cancellationToken);
            byte[] assembly = File.ReadAllBytes(native);
            return (assembly, Finish(assembly, definition, layout));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>
    /// Marks the methods. Those with native code are to stay as they are: the runtime would otherwise compile what is called often once more, beside
    /// the guest, and large functions worse than crossgen2 did. It leaves methods alone that ask for no optimization; crossgen2 has seen them without
    /// that mark. The others are to be optimized at once when the JIT gets them.
    /// </summary>
    private static int[] Finish(byte[] assembly, ModuleDefinition definition, CodeLayout layout)
    {
        const byte NoOptimization = 0x40;
        const byte AggressiveOptimization = 0x02; // of the second byte
        NativeCodeIndex native = NativeCodeIndex.Read(assembly);
        using var image = new PEReader(new MemoryStream(assembly, writable: false));
        MetadataReader metadata = image.GetMetadataReader();
        CheckOrder(metadata, definition, layout);
        int table = image.PEHeaders.MetadataStartOffset + metadata.GetTableMetadataOffset(TableIndex.MethodDef);
        int rowSize = metadata.GetTableRowSize(TableIndex.MethodDef);
        var left = new SortedSet<int>();
        for (int row = 1; row <= metadata.GetTableRowCount(TableIndex.MethodDef); row++)
        {
            int flags = table + ((row - 1) * rowSize) + ImplementationFlagsOffset;
            if (native.HasNativeCode(MetadataTokens.GetToken(MetadataTokens.MethodDefinitionHandle(row))))
            {
                assembly[flags] |= NoOptimization;
                continue;
            }

            assembly[flags + 1] |= AggressiveOptimization;
            string name = metadata.GetString(metadata.GetMethodDefinition(MetadataTokens.MethodDefinitionHandle(row)).Name);
            if (name.StartsWith('f') && int.TryParse(name.AsSpan(1).TrimEnd('b'), out int function) && function < definition.Functions.Length)
            {
                left.Add(function);
            }
        }

        return [.. left];
    }

    /// <summary>Loading takes methods by their tokens and calls them by the signatures that they must have: so each stands where it was written, or the code is not used.</summary>
    /// <exception cref="PrecompilationException">One stands elsewhere.</exception>
    internal static void CheckOrder(MetadataReader metadata, ModuleDefinition definition, CodeLayout layout)
    {
        var stubs = new StubOrder(definition, layout.HasReturnedExceptions);
        int bodies = definition.Bodies.Length;
        int expected = SavedModule.EntryCount + bodies + layout.LargeFunctionCount + (stubs.Types.Count * stubs.Kinds.Length);
        int rows = metadata.GetTableRowCount(TableIndex.MethodDef);
        if (rows != expected)
        {
            throw new PrecompilationException($"the compiled code has {rows} methods where {expected} were written.");
        }

        CheckName(metadata, SavedModule.CreateToken, SavedModule.CreateName);
        CheckName(metadata, SavedModule.ReturnsExceptionsToken, SavedModule.ReturnsExceptionsName);
        CheckName(metadata, SavedModule.SetGlobalToken, SavedModule.SetGlobalName);
        int place = SavedModule.FirstFunctionToken;
        for (int i = 0; i < bodies; i++)
        {
            int function = definition.ImportedFunctionCount + i;
            CheckName(metadata, place + i, CodeLayout.MethodName(function));
            if (layout.GetLargeSlot(function) is >= 0 and var slot)
            {
                CheckName(metadata, place + bodies + slot, CodeLayout.BodyName(function));
            }
        }

        place += bodies + layout.LargeFunctionCount;
        foreach (FunctionType type in stubs.Types)
        {
            foreach (StubKind kind in stubs.Kinds)
            {
                CheckName(metadata, place + stubs.Find(type, kind), FunctionStubs.Key(type, kind));
            }
        }
    }

    private static void CheckName(MetadataReader metadata, int token, string name)
    {
        StringHandle found = metadata.GetMethodDefinition((MethodDefinitionHandle)MetadataTokens.EntityHandle(token)).Name;
        if (!metadata.StringComparer.Equals(found, name))
        {
            throw new PrecompilationException($"the compiled code has its methods in another order than they were written: {metadata.GetString(found)} stands where {name} is to be.");
        }
    }
}
