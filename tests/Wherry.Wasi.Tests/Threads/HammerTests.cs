using System.Security.Cryptography;

namespace Wherry.Wasi.Tests.Threads;

/// <summary>
/// Many threads of a guest on the same descriptors. Threads/hammer.c is built with a wasi-libc for wasm32-wasip1-threads:
/// <c>clang --target=wasm32-wasip1-threads --sysroot=SYSROOT -pthread -O2 -Wl,--import-memory,--export-memory,--max-memory=16777216,--strip-all -o hammer.wasm hammer.c</c>.
/// </summary>
public sealed class HammerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData(BoundsChecks.Guard)]
    [InlineData(BoundsChecks.Explicit)]
    public void Eight_threads_do_anything_to_the_same_descriptors(BoundsChecks checks)
    {
        var engine = new Engine(new EngineOptions { BoundsChecks = checks });
        Module module = Module.LoadFile(engine, Path.Combine(AppContext.BaseDirectory, "Threads", "hammer.wasm"));
        string folder = Directory.CreateTempSubdirectory("wherry-hammer-").FullName;
        int exitCode = -1;
        Exception? failure = null;
        using var ended = new ManualResetEventSlim();
        var guest = new Thread(() =>
        {
            try
            {
                exitCode = WasiCommand.Run(engine, module, new WasiOptions
                {
                    Arguments = ["hammer", "20000"],
                    Directories = [new PreopenedDirectory("/", folder)],
                    NetworkPolicy = new NetworkPolicy { AllowsEverything = true },
                });
            }
            catch (Exception exception)
            {
                failure = exception;
            }

            ended.Set();
        }, 16 << 20)
        {
            IsBackground = true,
        };
        guest.Start();

        // Meanwhile the host uses files of its own: a guest that reached a handle which it had closed would spoil them.
        byte[] expected = RandomNumberGenerator.GetBytes(3000);
        string path = Path.Combine(Path.GetTempPath(), $"wherry-hammer-{Guid.NewGuid():N}");
        do
        {
            using (FileStream file = File.Create(path))
            {
                file.Write(expected.AsSpan(0, 1000));
                file.Flush();
                file.Write(expected.AsSpan(1000));
            }

            Assert.Equal(expected, File.ReadAllBytes(path));
        }
        while (!ended.Wait(1) && guest.IsAlive);

        Assert.True(guest.Join(Patience));
        File.Delete(path);
        Directory.Delete(folder, recursive: true);
        Assert.Null(failure);
        Assert.Equal(0, exitCode);
    }
}
