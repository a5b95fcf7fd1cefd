using System.Globalization;
using System.Runtime.InteropServices;
using Wherry.Wasi.Scheduling;

namespace Wherry.Wasi.Tests.Scheduling;

/// <summary>Guests that compute for long give way to others.</summary>
public sealed partial class TurnPriorityTests
{
    private const int Least = 19;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_thread_gives_way_while_a_turn_is_long_and_no_longer(bool mayNotRise)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Threads have priorities of their own on Linux only.");
        int usual = Nice("self");
        Assert.SkipUnless(usual < Least, "The tests run at the least priority: no thread can give way any more.");
        GuestScheduler.LowersLongTurns = true;
        using var scheduler = new GuestScheduler();
        int spinning = 0;
        int least = 0;
        await RunAsync(scheduler, () =>
        {
            spinning = GuestScheduler.ThreadId;
            if (mayNotRise)
            {
                GiveUpCapabilities();
            }

            DateTime end = DateTime.UtcNow + Patience;
            while ((least = Nice(Thread(spinning))) != Least && DateTime.UtcNow < end)
            {
            }
        });
        Assert.Equal(Least, least);

        // Whoever comes next finds the usual priority, on the same thread or on another.
        for (int i = 0; i < 200; i++)
        {
            int found = -1;
            await RunAsync(scheduler, () => found = Nice(Thread(GuestScheduler.ThreadId)));
            Assert.Equal(usual, found);
        }

        if (mayNotRise)
        {
            DateTime end = DateTime.UtcNow + Patience;
            while (Directory.Exists($"/proc/self/task/{spinning}"))
            {
                Assert.True(DateTime.UtcNow < end, "The thread that can't have its priority again is still there.");
                await Task.Delay(10);
            }
        }
    }

    private static string Thread(int id) => string.Create(CultureInfo.InvariantCulture, $"self/task/{id}");

    /// <summary>How far it gives way, from -20 to 19.</summary>
    private static int Nice(string who)
    {
        string status = File.ReadAllText($"/proc/{who}/stat");
        return int.Parse(status[(status.LastIndexOf(')') + 2)..].Split(' ')[16], CultureInfo.InvariantCulture);
    }

    /// <summary>The calling thread may from now on do what every user's may.</summary>
    private static unsafe void GiveUpCapabilities()
    {
        const uint Version3 = 0x20080522;
        uint* header = stackalloc uint[2];
        uint* sets = stackalloc uint[6];
        header[0] = Version3;
        new Span<uint>(sets, 6).Clear();

        // Sound: a header of two numbers and two sets of three, as the version says.
        Assert.Equal(0, capset(header, sets));
    }

    // The work does not wake anybody itself: a thread that it had the pool start would have its priority.
    private static async Task RunAsync(GuestScheduler scheduler, Action action)
    {
        var work = new Work(action);
        scheduler.Post(work);
        DateTime end = DateTime.UtcNow + Patience;
        while (!work.IsDone)
        {
            Assert.True(DateTime.UtcNow < end, "The work was not done.");
            await Task.Delay(5);
        }
    }

#pragma warning disable CA5392, IDE1006, SA1300 // The C library's own name; it is loaded already.
    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int capset(uint* header, uint* sets);
#pragma warning restore CA5392, IDE1006, SA1300

    private sealed class Work(Action action) : IGuestWork
    {
        private volatile bool isDone;

        public bool IsDone => isDone;

        public void Execute()
        {
            action();
            isDone = true;
        }
    }
}
