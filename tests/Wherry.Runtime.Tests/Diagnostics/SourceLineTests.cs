using System.Diagnostics;
using Wherry.Tests.Execution;

namespace Wherry.Tests.Diagnostics;

public sealed class SourceLineTests
{
    private const string Source = """
        int table[4];

        __attribute__((noinline)) int inner(int index)
        {
            if (index > 2)
            {
                __builtin_trap();
            }

            return table[index];
        }

        __attribute__((noinline)) int outer(int index)
        {
            return inner(index) + 1;
        }

        int run(int index)
        {
            return outer(index) * 2;
        }
        """;

    [Theory]
    [InlineData("-gdwarf-4")]
    [InlineData("-gdwarf-5")]
    public void A_trap_names_file_and_line_of_a_guest_that_was_built_with_debug_information(string flag)
    {
        string folder = Directory.CreateTempSubdirectory("wherry").FullName;
        try
        {
            string source = Path.Combine(folder, "lines.c");
            string wasm = Path.Combine(folder, "lines.wasm");
            File.WriteAllText(source, Source);
            string compiled = Path.Combine(folder, "lines.o");

            // Linked by itself and without -O, or clang would run wasm-opt where it finds it, and names would be lost.
            Compile("--target=wasm32", flag, "-O1", "-c", "-o", compiled, source);
            Compile("--target=wasm32", "-nostdlib", "-Wl,--no-entry", "-Wl,--export=run", "-o", wasm, compiled);
            Instance guest = new Linker(Engine.Default).Instantiate(new Store(Engine.Default), Module.LoadFile(Engine.Default, wasm));
            TrapException trap = Assert.Throws<TrapException>(() => guest.GetFunction<Func<int, int>>("run")!(3));

            Assert.Equal(TrapKind.Unreachable, trap.Kind);
            Assert.Equal(["inner", "outer", "run"], trap.GuestStack.Select(frame => frame.FunctionName));
            Assert.All(trap.GuestStack, frame => Assert.EndsWith("lines.c", frame.SourceFile));
            Assert.Equal(15, trap.GuestStack[1].SourceLine);
            Assert.Contains("lines.c:", trap.Message);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Compile(params string[] arguments)
    {
        foreach (string name in new[] { "clang", "clang-14" })
        {
            try
            {
                using Process process = Process.Start(new ProcessStartInfo(name, arguments) { RedirectStandardError = true })!;
                string errors = process.StandardError.ReadToEnd();
                process.WaitForExit();
                Assert.True(process.ExitCode == 0, errors);
                return;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // Try the next name.
            }
        }

        const string Reason = "needs clang and lld: apt-get install clang lld";
        if (Environment.GetEnvironmentVariable("WHERRY_CI") == "1")
        {
            Assert.Fail(Reason);
        }

        Assert.Skip(Reason);
    }
}
