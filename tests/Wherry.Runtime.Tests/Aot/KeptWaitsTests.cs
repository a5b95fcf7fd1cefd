using System.Runtime.InteropServices;
using Wherry.Aot;
using Wherry.Tests.Execution;
using Wherry.Tests.Execution.Suspension;

namespace Wherry.Tests.Aot;

/// <summary>Where a module waits, as the cache of native code has it for the next process. A new engine knows no more than a new process does.</summary>
public sealed partial class KeptWaitsTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static readonly byte[] s_bytes = MakeModule("waits");

    private readonly string _folder = Directory.CreateTempSubdirectory("wherry-waits-").FullName;
    private readonly CodeCache _cache;

    public KeptWaitsTests() => _cache = new CodeCache(_folder);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_first_guest_of_another_process_leaves_its_thread_at_its_first_wait()
    {
        Keep();
        Assert.Equal(2, Run(_cache));
        Assert.Equal(0, Run(Load(null, s_bytes, trials: 0)));
        Assert.Equal(0, Run(new CodeCache(_folder + "-other")));
        Assert.Equal(0, Run(_cache, MakeModule("other")));
    }

    [Fact]
    public void What_is_kept_is_not_tried()
    {
        Keep();
        Module module = Load(_cache, s_bytes, trials: 4);
        Assert.False(module.Waits!.TryTakeTrial());
        Assert.True(Load(null, s_bytes, trials: 4).Waits!.TryTakeTrial());
    }

    [Fact]
    public void What_others_found_is_kept_too()
    {
        Keep();
        int before = _cache.FindWaits(Identity()).Count;
        _cache.KeepWaits(Identity(), [0]);
        Assert.Equal(before + 1, _cache.FindWaits(Identity()).Count);
        Assert.Equal(2, Run(_cache));
    }

    [Fact]
    public void Functions_that_the_module_lacks_are_passed_over()
    {
        _cache.KeepWaits(Identity(), [-1, int.MinValue, 1_000_000, int.MaxValue]);
        Assert.Equal(4, _cache.FindWaits(Identity()).Count);
        Assert.Equal(0, Run(_cache));
    }

    [Fact]
    public void A_damaged_file_is_ignored_and_deleted()
    {
        Keep();
        string path = Assert.Single(Directory.GetFiles(_folder, "*.waits"));
        byte[] bytes = File.ReadAllBytes(path);
        for (int i = 0; i < bytes.Length; i++)
        {
            byte[] changed = [.. bytes];
            changed[i] ^= 0x10;
            AssertRefused(path, changed);
        }

        for (int length = 0; length < bytes.Length; length++)
        {
            AssertRefused(path, bytes[..length]);
        }

        AssertRefused(path, [.. bytes, 0, 0, 0, 0]);
        Write(path, bytes);
        Assert.Equal(2, Run(_cache));
    }

    [Fact]
    public void A_file_of_another_key_or_module_is_refused()
    {
        Keep();
        string path = Assert.Single(Directory.GetFiles(_folder, "*.waits"));
        byte[] bytes = File.ReadAllBytes(path);
        AssertRefused(path, WaitFile.Write([1, 2, 3], Identity(), new byte[32]));
        CodeIdentity other = CodeIdentity.Of(Engine(null), MakeModule("other"));
        string otherPath = Path.Combine(_folder, other.Key + ".waits");
        Write(otherPath, bytes);
        Assert.Empty(_cache.FindWaits(other));
        Assert.False(File.Exists(otherPath));
    }

    [Fact]
    public void A_file_or_folder_that_others_may_enter_is_not_used()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no file modes.");
            return;
        }

        Keep();
        string path = Assert.Single(Directory.GetFiles(_folder, "*.waits"));
        Assert.Equal(Private, File.GetUnixFileMode(path));
        File.SetUnixFileMode(path, Private | UnixFileMode.GroupRead);
        Assert.Equal(0, Run(_cache));
        File.SetUnixFileMode(path, Private);
        UnixFileMode mode = File.GetUnixFileMode(_folder);
        File.SetUnixFileMode(_folder, mode | UnixFileMode.OtherExecute);
        Assert.Equal(0, Run(_cache));
        File.SetUnixFileMode(_folder, mode);
        string moved = path + ".moved";
        File.Move(path, moved);
        File.CreateSymbolicLink(path, moved);
        Assert.Equal(0, Run(_cache));
        File.Delete(path);
        File.Move(moved, path);
        Assert.Equal(2, Run(_cache));
    }

    [Fact]
    public void A_file_of_another_user_is_not_used()
    {
        Keep();
        string path = Assert.Single(Directory.GetFiles(_folder, "*.waits"));
        if (!OperatingSystem.IsLinux() || chown(path, 65_534, 65_534) != 0)
        {
            Assert.Skip("Only root may give files away.");
        }

        Assert.Equal(0, Run(_cache));
    }

    [Fact]
    public void A_cache_that_is_not_to_be_filled_keeps_nothing_and_clearing_deletes()
    {
        var readOnly = new CodeCache(_folder) { FillsInBackground = false };
        Module module = Load(readOnly, s_bytes, trials: 0);
        _ = Run(module);
        Assert.Equal(2, Run(module));
        Keep();
        Assert.Equal(2, Run(readOnly));
        _ = _cache.Clear();
        Assert.Empty(Directory.GetFiles(_folder, "*.waits"));
        Assert.Equal(0, Run(readOnly));
    }

    // The guest of one process keeps its thread, and what is below its wait is kept.
    private void Keep()
    {
        var cache = new CodeCache(_folder);
        Assert.Equal(0, Run(cache));
        Assert.True(SpinWait.SpinUntil(() => cache.FindWaits(Identity()).Count >= 3, Guests.Patience), "nothing was kept");
    }

    private void AssertRefused(string path, byte[] bytes)
    {
        Write(path, bytes);
        Assert.Empty(_cache.FindWaits(Identity()));
        Assert.False(File.Exists(path));
    }

    private static CodeIdentity Identity() => CodeIdentity.Of(Engine(null), s_bytes);

    private static Engine Engine(CodeCache? cache, int trials = 0) => new(new EngineOptions { CodeCache = cache, MayWait = static (_, _) => true, WaitTrials = trials });

    private static Module Load(CodeCache? cache, byte[] bytes, int trials) => Module.Load(Engine(cache, trials), bytes);

    // Too small for native code.
    private static byte[] MakeModule(string name) => WatConverter.ToBinary(
        $"""
        (module
          (import "host" "wait" (func $wait (param i32) (result i32)))
          (memory 1)
          (data (i32.const 0) "{name}")
          (func (export "program") (param i32) (result i32) (call $main (local.get 0)))
          (func $main (param i32) (result i32) (i32.add (i32.const 1) (call $once (local.get 0))))
          (func $once (param i32) (result i32) (i32.add (call $wait (local.get 0)) (call $wait (local.get 0)))))
        """);

    /// <returns>How often a guest has waited without its thread.</returns>
    private static long Run(CodeCache? cache, byte[]? bytes = null) => Run(Load(cache, bytes ?? s_bytes, trials: 0));

    private static long Run(Module module)
    {
        Assert.Equal(9, WaitingGuest.Run(module, "program", out long waits, 4));
        return waits;
    }

    private static void Write(string path, byte[] bytes)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = Private;
        }

        using var file = new FileStream(path, options);
        file.Write(bytes);
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int chown(string path, uint owner, uint group);
}
