using Wherry.Aot;
using Wherry.Tests.Execution;

namespace Wherry.Tests.Aot;

/// <summary>The cache of native code, as a program that embeds the engine uses it. Skipped where crossgen2 is not, except in CI.</summary>
public sealed class CodeCacheTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("wherry-cache-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_module_is_jitted_first_and_its_later_instances_are_native()
    {
        PrecompilerTests.RequireCrossgen();
        var engine = new Engine(new EngineOptions { CodeCache = new CodeCache(_folder) });
        byte[] bytes = MakeModule("first");
        Module module = Module.Load(engine, bytes);
        Assert.False(module.IsPrecompiled);
        Instance jitted = Instantiate(engine, module);
        Assert.True(SpinWait.SpinUntil(() => module.IsPrecompiled, Guests.Patience), "the cache was not filled");
        Instance native = Instantiate(engine, module);
        Assert.IsType<PrecompiledModule>(native.Guest.Code);
        Assert.IsNotType<PrecompiledModule>(jitted.Guest.Code);
        Assert.Equal(jitted.GetFunction("run")!.Invoke(20), native.GetFunction("run")!.Invoke(20));
        Assert.True(Module.Load(engine, bytes).IsPrecompiled);
        Assert.Single(new CodeCache(_folder).List());
    }

    [Fact]
    public void Only_what_fits_in_every_way_is_found()
    {
        PrecompilerTests.RequireCrossgen();
        var cache = new CodeCache(_folder) { FillsInBackground = false };
        var engine = new Engine(new EngineOptions { CodeCache = cache });
        byte[] bytes = MakeModule("fits");
        Assert.True(cache.Fill(Module.Load(engine, bytes)));
        Assert.False(cache.Fill(Module.Load(engine, bytes)));
        Assert.True(Module.Load(engine, bytes).IsPrecompiled);
        Assert.False(Module.Load(engine, MakeModule("other")).IsPrecompiled);
        Assert.False(Module.Load(new Engine(engine.Options with { BoundsChecks = BoundsChecks.Explicit }), bytes).IsPrecompiled);
        Assert.False(Module.Load(new Engine(engine.Options with { Features = WasmFeatures.Wasm3 }), bytes).IsPrecompiled);
        Assert.False(Module.Load(Engine.Default, bytes).IsPrecompiled);
        CodeIdentity identity = CodeIdentity.Of(engine, bytes);
        Assert.Null(cache.Find(identity with { Engine = "another" }));
        Assert.Null(cache.Find(identity with { Processor = "another" }));
        Assert.Null(cache.Find(identity with { Runtime = "another" }));
    }

    [Fact]
    public void What_was_changed_is_deleted_and_made_again()
    {
        PrecompilerTests.RequireCrossgen();
        var cache = new CodeCache(_folder) { FillsInBackground = false };
        var engine = new Engine(new EngineOptions { CodeCache = cache });
        byte[] bytes = MakeModule("damaged");

        // Nothing of the entry may be loaded before it is changed: what is loaded is not looked for again.
        Assert.True(cache.Fill(Module.Load(engine, bytes)));
        string path = Assert.Single(Directory.GetFiles(_folder, "*.cwasm"));
        byte[] entry = File.ReadAllBytes(path);
        foreach (int place in (int[])[0, 100, entry.Length / 2, entry.Length - 200, entry.Length - 60, entry.Length - 20, entry.Length - 1])
        {
            byte[] changed = [.. entry];
            changed[place] ^= 0x10;
            Write(path, changed);
            Assert.False(Module.Load(engine, bytes).IsPrecompiled);
            Assert.False(File.Exists(path));
        }

        Write(path, entry[..(entry.Length / 2)]);
        Assert.False(Module.Load(engine, bytes).IsPrecompiled);
        Assert.True(cache.Fill(Module.Load(engine, bytes)));
        Assert.True(Module.Load(engine, bytes).IsPrecompiled);
    }

    [Fact]
    public void An_entry_under_another_modules_name_is_not_used()
    {
        PrecompilerTests.RequireCrossgen();
        var cache = new CodeCache(_folder) { FillsInBackground = false };
        var engine = new Engine(new EngineOptions { CodeCache = cache });
        Assert.True(cache.Fill(Module.Load(engine, MakeModule("swapped"))));
        string path = Assert.Single(Directory.GetFiles(_folder, "*.cwasm"));
        byte[] other = MakeModule("swapped for this");
        File.Move(path, Path.Combine(_folder, CodeIdentity.Of(engine, other).Key + ".cwasm"));
        Assert.False(Module.Load(engine, other).IsPrecompiled);
        Assert.Empty(cache.List());
    }

    [Fact]
    public void A_folder_that_others_may_enter_or_a_link_is_not_used()
    {
        PrecompilerTests.RequireCrossgen();
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no file modes.");
            return;
        }

        string folder = Path.Combine(_folder, "open");
        var cache = new CodeCache(folder) { FillsInBackground = false };
        var engine = new Engine(new EngineOptions { CodeCache = cache });
        byte[] bytes = MakeModule("open");
        Assert.True(cache.Fill(Module.Load(engine, bytes)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
        string entry = Assert.Single(Directory.GetFiles(folder, "*.cwasm"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(entry));

        File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute);
        Assert.False(Module.Load(engine, bytes).IsPrecompiled);
        Assert.Throws<PrecompilationException>(() => cache.Fill(Module.Load(engine, bytes)));

        File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.SetUnixFileMode(entry, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        Assert.False(Module.Load(engine, bytes).IsPrecompiled);

        string link = Path.Combine(_folder, "link");
        Directory.CreateSymbolicLink(link, folder);
        Assert.Throws<PrecompilationException>(() => new CodeCache(link).Fill(Module.Load(engine, bytes)));
        File.SetUnixFileMode(entry, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.True(Module.Load(engine, bytes).IsPrecompiled);
    }

    [Fact]
    public void The_oldest_entries_go_when_the_folder_is_full()
    {
        PrecompilerTests.RequireCrossgen();
        var engine = new Engine();
        var cache = new CodeCache(_folder);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(cache.Fill(Module.Load(engine, MakeModule($"entry {i}"))));
            string newest = new DirectoryInfo(_folder).GetFiles("*.cwasm").MaxBy(file => file.LastWriteTimeUtc)!.FullName;
            File.SetLastWriteTimeUtc(newest, DateTime.UtcNow.AddHours(i - 10));
        }

        long size = cache.List().Sum(entry => entry.Bytes);
        var small = new CodeCache(_folder) { MaximumBytes = size * 5 / 6 };
        string oldest = cache.List().MinBy(entry => entry.LastUsed)!.Key;
        Assert.True(small.Fill(Module.Load(engine, MakeModule("entry 3"))));
        Assert.DoesNotContain(cache.List(), entry => entry.Key == oldest);
        Assert.True(cache.List().Sum(entry => entry.Bytes) <= small.MaximumBytes);
        Assert.Equal(cache.List().Count, cache.Clear());
        Assert.Empty(Directory.GetFiles(_folder));
    }

    // A module that is large enough for the cache.
    private static byte[] MakeModule(string name) => WatConverter.ToBinary(
        $"""
        (module
          (memory 1)
          (data (i32.const 0) "{name}{new string('.', CodeCache.MinimumModuleSize)}")
          (func $fib (export "run") (param i32) (result i32)
            (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
              (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2))))))))
        """);

    private static void Write(string path, byte[] bytes)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using var file = new FileStream(path, options);
        file.Write(bytes);
    }

    private static Instance Instantiate(Engine engine, Module module) => new Linker(engine).Instantiate(new Store(engine), module);
}
