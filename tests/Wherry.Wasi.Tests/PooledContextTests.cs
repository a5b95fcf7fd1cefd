using System.Runtime.CompilerServices;
using System.Text;

namespace Wherry.Wasi.Tests;

/// <summary>WASI for pooled instances: each has a context of its own, which ends with it.</summary>
public sealed class PooledContextTests : IDisposable
{
    private const string Text = """
        (module
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
          (import "wasi_unstable" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "\10\00\00\00\06\00\00\00")
          (data (i32.const 16) "hello\n")
          (data (i32.const 32) "new")
          (func (export "nothing"))
          (func (export "write") (result i32) (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
          (func (export "variables") (result i32)
            (drop (call $sizes (i32.const 64) (i32.const 68)))
            (i32.load (i32.const 64)))
          (func (export "open") (result i32)
            (if (call $open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 3) (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 80)) (then (return (i32.const -1))))
            (i32.load (i32.const 80)))
          (func (export "seek") (result i32) (call $seek (i32.const 7) (i64.const 0) (i32.const 0) (i32.const 80))))
        """;

    private readonly string folder = Directory.CreateTempSubdirectory("wherry-pool-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Each_instance_is_given_its_own()
    {
        using InstancePool pool = CreatePool(store => (WasiOptions)store.UserState!);
        for (int i = 0; i < 3; i++)
        {
            using var output = new MemoryStream();
            var variables = Enumerable.Range(0, i).ToDictionary(number => $"V{number}", _ => "x");
            using PooledInstance instance = pool.Instantiate(new WasiOptions { StandardOutput = output, Environment = variables });
            Assert.Equal(0, instance.GetFunction<Func<int>>("write")!());
            Assert.Equal(i, instance.GetFunction<Func<int>>("variables")!());
            instance.Dispose();
            Assert.Equal("hello\n", Encoding.UTF8.GetString(output.ToArray()));
        }
    }

    [Fact]
    public void A_context_is_made_when_it_is_needed()
    {
        int made = 0;
        using InstancePool pool = CreatePool(_ =>
        {
            made++;
            return new WasiOptions();
        });
        using (PooledInstance instance = pool.Instantiate())
        {
            instance.GetFunction<Action>("nothing")!();
            Assert.Equal(0, made);
            _ = instance.GetFunction<Func<int>>("variables")!();
            _ = instance.GetFunction<Func<int>>("seek")!();
            Assert.Equal(1, made);
        }

        using PooledInstance next = pool.Instantiate();
        _ = next.GetFunction<Func<int>>("variables")!();
        Assert.Equal(2, made);
    }

    [Fact]
    public void What_an_instance_opened_is_closed_with_it_and_not_the_next_ones()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Folders are given to guests on Linux only.");
        using InstancePool pool = CreateFolderPool();
        for (int i = 0; i < 5; i++)
        {
            using PooledInstance instance = pool.Instantiate();
            Assert.Equal(4, instance.GetFunction<Func<int>>("open")!());
            Assert.NotEqual(0, CountOpenFiles());
            instance.Dispose();
            Assert.Equal(0, CountOpenFiles());
        }
    }

    [Fact]
    public void What_an_instance_opened_that_nobody_disposed_is_closed_by_the_collector()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Folders are given to guests on Linux only.");
        using InstancePool pool = CreateFolderPool();
        Use(pool);
        for (int i = 0; i < 10 && CountOpenFiles() > 0; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(0, CountOpenFiles());

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Use(InstancePool pool) => Assert.Equal(4, pool.Instantiate().GetFunction<Func<int>>("open")!());
    }

    [Fact]
    public void A_linker_with_contexts_of_stores_serves_ordinary_instances_too()
    {
        var linker = new Linker(Engine.Default);
        int made = 0;
        WasiContext.AddTo(linker, _ => new WasiOptions { Environment = Enumerable.Range(0, ++made).ToDictionary(number => $"V{number}", _ => "x") });
        Module module = Module.Load(Engine.Default, WatConverter.ToBinary(Text));
        for (int i = 1; i < 4; i++)
        {
            using var store = new Store(Engine.Default);
            Assert.Equal(i, linker.Instantiate(store, module).GetFunction<Func<int>>("variables")!());
            Assert.Equal(i, linker.Instantiate(store, module).GetFunction<Func<int>>("variables")!());
            Assert.Equal(i, made);
        }
    }

    private static InstancePool CreatePool(Func<Store, WasiOptions> getOptions)
    {
        var linker = new Linker(Engine.Default);
        WasiContext.AddTo(linker, getOptions);
        return new InstancePool(linker, Module.Load(Engine.Default, WatConverter.ToBinary(Text)));
    }

    private InstancePool CreateFolderPool() => CreatePool(_ => new WasiOptions { Directories = [new PreopenedDirectory("/", folder)] });

    // Of this test's folder.
    private int CountOpenFiles() => Directory.EnumerateFileSystemEntries("/proc/self/fd")
        .Count(entry => new FileInfo(entry).LinkTarget?.StartsWith(folder, StringComparison.Ordinal) == true);
}
