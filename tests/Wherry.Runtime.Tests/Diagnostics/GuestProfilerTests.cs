using System.Text.Json;

namespace Wherry.Tests.Diagnostics;

/// <summary>Samples that a host function asks for itself, so that it is known where each must be; and the file that tools read.</summary>
public sealed class GuestProfilerTests
{
    private const string Guest = """
        (module
          (import "host" "want" (func $want))
          (table funcref (elem $want))
          (type $nothing (func))
          (memory 1)
          ;; What accesses memory is not inlined.
          (func $leaf (i32.store (i32.const 0) (i32.const 1)))
          (func $loops (call_indirect (type $nothing) (i32.const 0)) (loop (br_if 0 (i32.const 0))))
          (func $inner (call $want))
          (func $outer (call $inner) (call_indirect (type $nothing) (i32.const 0)) (call $leaf))
          (func (export "run") (call $outer) (call $loops) (call $want)))
        """;

    [Fact]
    public void Samples_are_taken_behind_imports_at_entries_and_at_loop_heads()
    {
        JsonElement profile = Profile(new EngineOptions { Profiling = true });
        string[][] expected =
        [
            ["(root)", "run", "outer", "inner", "want"], ["(root)", "run", "outer", "leaf"], ["(root)", "run", "loops"], ["(root)", "run", "want"],
        ];

        // The last one is told twice: a sample of the format stands for the time until the next.
        Assert.Equal([.. expected, expected[^1]], Stacks(profile));
    }

    [Fact]
    public void The_file_is_a_profile_of_the_DevTools_protocol()
    {
        JsonElement profile = Profile(new EngineOptions { Profiling = true });
        var ids = new HashSet<int>();
        var children = new HashSet<int>();
        foreach (JsonElement node in profile.GetProperty("nodes").EnumerateArray())
        {
            Assert.True(ids.Add(node.GetProperty("id").GetInt32()));
            Assert.True(node.GetProperty("hitCount").GetInt32() >= 0);
            JsonElement frame = node.GetProperty("callFrame");
            Assert.Equal(JsonValueKind.String, frame.GetProperty("functionName").ValueKind);
            Assert.Equal(JsonValueKind.String, frame.GetProperty("scriptId").ValueKind);
            Assert.Equal(JsonValueKind.String, frame.GetProperty("url").ValueKind);
            Assert.Equal(-1, frame.GetProperty("lineNumber").GetInt32());
            Assert.Equal(-1, frame.GetProperty("columnNumber").GetInt32());
            if (node.TryGetProperty("children", out JsonElement list))
            {
                Assert.All(list.EnumerateArray(), child => Assert.True(children.Add(child.GetInt32())));
            }
        }

        // A tree: all but the root are a child once.
        Assert.Equal(ids.Count - 1, children.Count);
        Assert.True(children.IsSubsetOf(ids));
        Assert.All(profile.GetProperty("samples").EnumerateArray(), sample => Assert.Contains(sample.GetInt32(), ids));
        long[] deltas = [.. profile.GetProperty("timeDeltas").EnumerateArray().Select(delta => delta.GetInt64())];
        Assert.Equal(profile.GetProperty("samples").GetArrayLength(), deltas.Length);
        Assert.All(deltas, delta => Assert.True(delta >= 0));
        Assert.Equal(profile.GetProperty("endTime").GetInt64() - profile.GetProperty("startTime").GetInt64(), deltas.Sum());
    }

    [Fact]
    public void Nothing_is_sampled_without_an_engine_that_compiles_for_it()
    {
        using var store = new Store(Engine.Default);
        Assert.Throws<InvalidOperationException>(() => new GuestProfiler(store));
    }

    [Fact]
    public void A_store_has_one_profiler_at_a_time_and_may_have_another_later()
    {
        using var engine = new Engine(new EngineOptions { Profiling = true });
        using var store = new Store(engine);
        using (var profiler = new GuestProfiler(store))
        {
            Assert.Throws<InvalidOperationException>(() => new GuestProfiler(store));
        }

        using var later = new GuestProfiler(store);
        using var file = new MemoryStream();
        later.Save(file);
        Assert.Empty(JsonDocument.Parse(file.ToArray()).RootElement.GetProperty("samples").EnumerateArray());
    }

    private static JsonElement Profile(EngineOptions options)
    {
        using var engine = new Engine(options);
        using var store = new Store(engine);
        using var profiler = new GuestProfiler(store, TimeSpan.FromDays(1));
        var linker = new Linker(engine);
        linker.DefineFunction("host", "want", () => { store.SampleRequest!.IsWanted = 1; });
        Instance instance = linker.Instantiate(store, Module.Load(engine, WatConverter.ToBinary(Guest, emitNames: true), "app.wasm"));
        instance.GetFunction("run")!.Invoke();
        using var file = new MemoryStream();
        profiler.Save(file);
        return JsonDocument.Parse(file.ToArray()).RootElement;
    }

    private static string[][] Stacks(JsonElement profile)
    {
        var parents = new Dictionary<int, int>();
        var names = new Dictionary<int, string>();
        foreach (JsonElement node in profile.GetProperty("nodes").EnumerateArray())
        {
            int id = node.GetProperty("id").GetInt32();
            names.Add(id, node.GetProperty("callFrame").GetProperty("functionName").GetString()!);
            if (node.TryGetProperty("children", out JsonElement children))
            {
                foreach (JsonElement child in children.EnumerateArray())
                {
                    parents.Add(child.GetInt32(), id);
                }
            }
        }

        return [.. profile.GetProperty("samples").EnumerateArray().Select(sample =>
        {
            var stack = new List<string>();
            for (int id = sample.GetInt32(); ; id = parents[id])
            {
                stack.Insert(0, names[id]);
                if (!parents.ContainsKey(id))
                {
                    return stack.ToArray();
                }
            }
        })];
    }
}
