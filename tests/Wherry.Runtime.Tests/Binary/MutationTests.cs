using System.IO.Compression;
using Wherry.Text;
using Wherry.Text.Scripts;

namespace Wherry.Tests.Binary;

/// <summary>Any byte string gives a module or one clear error: real modules with a few bytes changed are the strings that reach deepest.</summary>
public class MutationTests
{
    [Fact]
    public void Changed_modules_of_the_suite_are_accepted_or_refused_with_an_error()
    {
        using ZipArchive archive = ZipFile.OpenRead(SharedFiles.Find("spec/core-2.0.zip"));
        var random = new Random(20261123);
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            if (entry.Name.EndsWith(".wasm", StringComparison.Ordinal))
            {
                using var stream = new MemoryStream();
                using Stream content = entry.Open();
                content.CopyTo(stream);
                Mutate(stream.ToArray(), 10, random, entry.FullName);
            }
        }
    }

    [Fact]
    public void Changed_modules_of_the_newest_suite_are_accepted_or_refused_with_an_error()
    {
        var random = new Random(3);
        foreach (string file in Directory.GetFiles(SharedFiles.Find("spec/core"), "*.wast", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            foreach (ModuleCommand command in ScriptParser.Parse(new TextSource(File.ReadAllBytes(file), file)).OfType<ModuleCommand>())
            {
                byte[] bytes = command.Source.ToBytes(new WatOptions { Features = SuiteFeatures.OfPath(file) });
                if (bytes.Length < 20_000)
                {
                    Mutate(bytes, 8, random, file);
                }
            }
        }
    }

    [Fact]
    public void Changed_programs_are_accepted_or_refused_with_an_error()
    {
        var random = new Random(4711);
        foreach (string file in Directory.GetFiles(SharedFiles.Find("bench"), "*.wasm"))
        {
            byte[] bytes = File.ReadAllBytes(file);
            Mutate(bytes, bytes.Length > 100_000 ? 5 : 40, random, Path.GetFileName(file));
        }
    }

    [Fact]
    public void Every_prefix_of_a_module_is_refused_or_a_module()
    {
        byte[] bytes = File.ReadAllBytes(SharedFiles.Find("bench/hello.wasm"));
        for (int length = 0; length < bytes.Length; length++)
        {
            Check(bytes[..length], $"hello.wasm cut to {length}");
        }
    }

    private static void Mutate(byte[] original, int rounds, Random random, string name)
    {
        if (original.Length == 0)
        {
            return;
        }

        for (int round = 0; round < rounds; round++)
        {
            byte[] bytes = [.. original];
            int changes = random.Next(1, 5);
            for (int i = 0; i < changes; i++)
            {
                int position = random.Next(bytes.Length);
                switch (random.Next(5))
                {
                    case 0:
                        bytes[position] = (byte)random.Next(256);
                        break;
                    case 1:
                        bytes[position] ^= (byte)(1 << random.Next(8));
                        break;
                    case 2:
                        bytes[position] = random.Next(2) == 0 ? (byte)0xFF : (byte)0x80;
                        break;
                    case 3:
                        bytes = [.. bytes[..position], .. bytes[Math.Min(bytes.Length, position + random.Next(1, 9))..]];
                        break;
                    default:
                        bytes = [.. bytes[..position], (byte)random.Next(256), .. bytes[position..]];
                        break;
                }

                if (bytes.Length == 0)
                {
                    break;
                }
            }

            Check(bytes, $"{name}, round {round}");
        }
    }

    private static void Check(byte[] bytes, string name)
    {
        try
        {
            ModuleException? refusal = Modules.Refusal(bytes);
            if (refusal is not null)
            {
                Assert.InRange(refusal.Offset, 0, bytes.Length);
            }
        }
        catch (Exception exception) when (exception is not ModuleException and not Xunit.Sdk.XunitException)
        {
            Assert.Fail($"{name}: {exception}\n{Convert.ToBase64String(bytes.Length > 4000 ? bytes[..4000] : bytes)}");
        }
    }
}
