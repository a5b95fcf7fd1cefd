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
            using (FileStream output = File.Create(saved))
            {
                SavedModule.Write(definition, options, output);
            }

            Crossgen.Compile(crossgen, saved, native, cancellationToken);
            byte[] assembly = File.ReadAllBytes(native);
            return (assembly, Finish(assembly, definition));
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
    private static int[] Finish(byte[] assembly, ModuleDefinition definition)
    {
        const byte NoOptimization = 0x40;
        const byte AggressiveOptimization = 0x02; // of the second byte
        NativeCodeIndex native = NativeCodeIndex.Read(assembly);
        using var image = new PEReader(new MemoryStream(assembly, writable: false));
        MetadataReader metadata = image.GetMetadataReader();
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
}
