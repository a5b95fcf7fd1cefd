using Wherry.Aot;
using Wherry.Cli.Output;

namespace Wherry.Cli.Precompilation;

/// <summary>Loads what <c>wherry compile</c> wrote, if it may be trusted and fits.</summary>
internal static class PrecompiledModuleFile
{
    public static Module Load(string path, byte[] bytes, Engine engine, bool allowsAny)
    {
        if (!PrecompiledFile.TryRead(bytes, out PrecompiledFile? file))
        {
            throw CommandException.CannotRun($"{path} is damaged, or was made by another version of Wherry. Compile the module again: wherry compile app.wasm");
        }

        bool isAuthentic = UserKey.TryGet(creates: false) is { } key && file.IsAuthentic(key);
        if (!isAuthentic && !allowsAny)
        {
            throw CommandException.CannotRun(
                $"{path} holds native code that this user's Wherry did not make, or that was changed since. Native code is not sandboxed: it could do all that you can."
                + " Run the module itself (.wasm) or compile it here (wherry compile). If you trust whoever made the file: --allow-precompiled.");
        }

        try
        {
            return Module.LoadPrecompiled(engine, file, ModuleFile.GetName(path), isAuthentic);
        }
        catch (PrecompilationException exception) when (isAuthentic)
        {
            // What it was made from is in it, and known to be that.
            Terminal.Note($"{exception.Message} Its module is run with jitted code; `wherry compile` makes a file that fits.");
            return ModuleFile.Load(path, file.Module.ToArray(), engine);
        }
        catch (PrecompilationException exception)
        {
            throw CommandException.CannotRun(exception.Message);
        }
        catch (ModuleException exception)
        {
            throw CommandException.CannotRun($"{path}: {exception.Message}");
        }
    }
}
