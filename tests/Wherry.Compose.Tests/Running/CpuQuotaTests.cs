using Wherry.Compose.Running.Processors;

namespace Wherry.Compose.Tests.Running;

/// <summary>The account of processor time, with a clock of the test's own.</summary>
public sealed class CpuQuotaTests
{
    private static readonly TimeSpan Start = TimeSpan.FromDays(3);

    [Fact]
    public void What_is_within_the_share_need_not_wait()
    {
        var quota = new CpuQuota(0.5, Start);
        Assert.Equal(TimeSpan.Zero, quota.Charge(Start, TimeSpan.Zero));
        Assert.Equal(TimeSpan.Zero, quota.Charge(At(10), Milliseconds(10)));
        Assert.Equal(TimeSpan.Zero, quota.Charge(At(100), Milliseconds(100)));
    }

    [Fact]
    public void What_is_beyond_it_is_waited_for()
    {
        var quota = new CpuQuota(0.1, Start);

        // Ten milliseconds for the period, one for the ten that have passed; nineteen more are owed.
        Assert.Equal(Milliseconds(190), quota.Charge(At(10), Milliseconds(30)));
        Assert.Equal(Milliseconds(90), quota.Charge(At(110), Milliseconds(30)));
        Assert.Equal(TimeSpan.Zero, quota.Charge(At(200), Milliseconds(30)));
    }

    [Fact]
    public void Unused_time_is_kept_for_one_period_only()
    {
        var quota = new CpuQuota(0.1, Start);
        Assert.Equal(TimeSpan.Zero, quota.Charge(At(60_000), TimeSpan.Zero));
        Assert.Equal(TimeSpan.Zero, quota.Charge(At(60_000), Milliseconds(10)));
        Assert.Equal(Milliseconds(10), quota.Charge(At(60_000), Milliseconds(11)));
    }

    [Theory]
    [InlineData(0.1, 10)]
    [InlineData(0.1, 7000)]
    [InlineData(0.5, 10)]
    [InlineData(2, 35)]
    public void A_guest_that_never_waits_gets_its_share_however_late_it_is_looked(double cores, int late)
    {
        // Four threads that use four cores, unless they are held. The supervisor comes late each time.
        const int Threads = 4;
        TimeSpan used = TimeSpan.Zero;
        TimeSpan time = Start;
        bool isHeld = false;
        var limit = new CpuLimit(cores, () => used, () => isHeld = true, () => isHeld = false, Start);
        var all = TimeSpan.FromMinutes(30);
        while (time - Start < all)
        {
            TimeSpan next = limit.Next + Milliseconds(late);
            used += isHeld ? TimeSpan.Zero : (next - time) * Threads;
            time = next;
            limit.Look(time);
            Assert.Equal(isHeld, limit.IsHeld);
        }

        Assert.InRange(used / (time - Start), cores * 0.96, cores * (1 + (Threads * late * 0.001 / all.TotalSeconds)) + 0.02);
    }

    [Fact]
    public void One_that_waits_is_looked_at_less_and_less_often()
    {
        TimeSpan used = TimeSpan.Zero;
        var limit = new CpuLimit(0.1, () => used, () => Assert.Fail(), () => Assert.Fail(), Start);
        List<double> pauses = [];
        TimeSpan time = Start;
        for (int i = 0; i < 7; i++)
        {
            limit.Look(time);
            pauses.Add((limit.Next - time).TotalMilliseconds);
            time = limit.Next;
        }

        Assert.Equal([10, 20, 40, 80, 100, 100, 100], pauses);
        used = Milliseconds(1);
        limit.Look(time);
        Assert.Equal(Milliseconds(10), limit.Next - time);
    }

    private static TimeSpan Milliseconds(int count) => TimeSpan.FromMilliseconds(count);

    private static TimeSpan At(int milliseconds) => Start + Milliseconds(milliseconds);
}
