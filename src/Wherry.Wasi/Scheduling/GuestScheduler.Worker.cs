using Wherry.Execution.Suspension;
using Wherry.Wasi.Native;

namespace Wherry.Wasi.Scheduling;

/// <content>What its threads do.</content>
internal sealed partial class GuestScheduler
{
    /// <summary>One of the threads.</summary>
    private sealed class Worker(GuestScheduler scheduler) : GuestThread
    {
        private readonly List<IGuestWork> buffer = [];
        private GuestWait? blockedWait;
        private int turnsSinceLook;

        public GuestScheduler Scheduler => scheduler;

        public TurnPriority Priority { get; } = new();

        /// <summary>Whether the guest that runs on it keeps it when it waits.</summary>
        public bool IsKept { get; private set; }

        /// <summary>Where what is posted goes while events are handed out.</summary>
        public List<IGuestWork>? Collected { get; private set; }

        /// <summary>What the guest that runs on it waits with, if it waits. Never one of another guest's that ran before: that has left the thread.</summary>
        public GuestWait? LastWait { get; set; }

        public void Run()
        {
            Current = this;
            while (!scheduler.isDisposed)
            {
                if (Priority.IsLow)
                {
                    // The watch starts another, where one is missed: a thread has the priority of the one that starts it.
                    break;
                }

                if (turnsSinceLook++ >= MostTurns)
                {
                    LookAtEvents();
                }

                IGuestWork? work = Take();
                if (work is not null)
                {
                    RunOne(work);
                }
                else if (!WaitForEvents())
                {
                    return;
                }
            }

            lock (scheduler.gate)
            {
                scheduler.Leave(this);
            }

            scheduler.WakeIdle();
        }

        public override void BeginBlocking()
        {
            Priority.End();
            IsKept = true;
            blockedWait = LastWait;
            if (blockedWait is not null)
            {
                blockedWait.KeepsThread = true;
            }

            lock (scheduler.gate)
            {
                scheduler.blocked++;
            }

            if (!Priority.IsLow)
            {
                scheduler.StartIfAllBusy();
                for (int i = 0; i < MostEnded && TakeKept() is { } woken; i++)
                {
                    // A guest that waits on its own thread goes on there, as soon as its wait is ended. This thread has the time for that.
                    woken.Execute();
                }
            }

            LastWait = null;
            if (Priority.IsLow || IsAnythingLeft())
            {
                // What this thread would have looked at before it waited, another one must.
                scheduler.WakeIdle();
            }
        }

        public override void EndBlocking()
        {
            if (blockedWait is not null)
            {
                blockedWait.KeepsThread = false;
                blockedWait = null;
            }

            lock (scheduler.gate)
            {
                scheduler.blocked--;
            }

            CountTurn();
            Priority.Begin();
        }

        private IGuestWork? TakeKept()
        {
            lock (scheduler.gate)
            {
                return scheduler.queue.TryPeek(out IGuestWork? next) && next is GuestWait { KeepsThread: true } ? scheduler.queue.Dequeue() : null;
            }
        }

        private bool IsAnythingLeft()
        {
            lock (scheduler.gate)
            {
                return scheduler.queue.Count > 0 || scheduler.hasNewDeadline;
            }
        }

        private IGuestWork? Take()
        {
            IGuestWork? work;
            bool isMore;
            lock (scheduler.gate)
            {
                _ = scheduler.queue.TryDequeue(out work);
                isMore = scheduler.queue.Count > 0;
            }

            if (isMore)
            {
                // Two wake-ups at once may be one event.
                scheduler.WakeIdle();
            }

            return work;
        }

        private void RunOne(IGuestWork work)
        {
            IsKept = false;
            LastWait = null;
            CountTurn();
            Priority.Begin();
            work.Execute();
            Priority.End();
        }

        private void CountTurn()
        {
            _ = Interlocked.Increment(ref scheduler.turns);
            if (!scheduler.watches)
            {
                _ = scheduler.activity.Set();
            }
        }

        // Without a wait: there is work in the queue, which what has happened comes behind.
        private void LookAtEvents()
        {
            turnsSinceLook = 0;
            _ = Interlocked.Increment(ref scheduler.looks);
            Collected = buffer;
            _ = scheduler.events.Wait(scheduler, 0);
            SignalDue();
            Collected = null;
            foreach (IGuestWork work in buffer)
            {
                scheduler.Enqueue(work);
            }

            buffer.Clear();
        }

        /// <returns>Whether the thread goes on.</returns>
        private bool WaitForEvents()
        {
            turnsSinceLook = 0;
            long timeout;
            bool looks;
            lock (scheduler.gate)
            {
                if (scheduler.queue.Count > 0)
                {
                    return true;
                }

                scheduler.idle++;
                scheduler.hasNewDeadline = false;
                timeout = scheduler.workers - scheduler.blocked > scheduler.minimum ? IdleNanoseconds : -1;
                if (scheduler.deadlines.Earliest is var earliest and < long.MaxValue)
                {
                    long remaining = Math.Max(0, earliest - Libc.MonotonicNanoseconds());
                    timeout = timeout < 0 ? remaining : Math.Min(timeout, remaining);
                }

                looks = !scheduler.isLookedAfter && scheduler.looksLeft > 0;
                if (looks)
                {
                    scheduler.isLookedAfter = true;
                    scheduler.looksLeft--;
                    timeout = timeout < 0 ? LookNanoseconds : Math.Min(timeout, LookNanoseconds);
                }
            }

            Collected = buffer;
            long start = timeout == IdleNanoseconds ? Libc.MonotonicNanoseconds() : 0;
            int count = scheduler.events.Wait(scheduler, timeout);
            bool leaves;
            lock (scheduler.gate)
            {
                scheduler.idle--;
                scheduler.isLookedAfter &= !looks;

                // The time that it waited for is nobody's now.
                scheduler.hasNewDeadline |= scheduler.deadlines.Earliest < long.MaxValue;
                leaves = count == 0 && start != 0 && scheduler.idle > 0 && scheduler.workers - scheduler.blocked > scheduler.minimum && scheduler.queue.Count == 0;
                if (leaves)
                {
                    scheduler.Leave(this);
                }
            }

            if (leaves)
            {
                // What it would have looked at next, a deadline among it, another must.
                scheduler.WakeIdle();
                return false;
            }

            SignalDue();
            Collected = null;
            RunCollected();
            return true;
        }

        private void SignalDue()
        {
            if (scheduler.deadlines.Earliest == long.MaxValue)
            {
                return;
            }

            long now = Libc.MonotonicNanoseconds();
            while (true)
            {
                GuestWait? due;
                lock (scheduler.gate)
                {
                    due = scheduler.deadlines.TakeDue(now);
                }

                if (due is null)
                {
                    return;
                }

                due.Signal();
            }
        }

        // Others get all but the first: a guest may run for long.
        private void RunCollected()
        {
            if (buffer.Count == 0)
            {
                return;
            }

            IGuestWork first = buffer[0];
            for (int i = 1; i < buffer.Count; i++)
            {
                scheduler.Enqueue(buffer[i]);
            }

            buffer.Clear();
            bool isMore;
            lock (scheduler.gate)
            {
                isMore = scheduler.queue.Count > 0;
            }

            if (isMore)
            {
                // The wake-up for it may have come with the event that this thread now follows.
                scheduler.WakeIdle();
            }

            RunOne(first);
        }
    }
}
