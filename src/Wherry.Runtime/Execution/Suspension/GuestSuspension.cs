using System.Runtime.InteropServices;
using Wherry.Compilation.Suspension;
using Wherry.Hosting;

namespace Wherry.Execution.Suspension;

/// <summary>
/// The frames of a store's guest while it waits without a thread: what each function that was left needs, the innermost first. A guest that is entered again takes them back, the
/// outermost first.
/// </summary>
internal sealed unsafe class GuestSuspension(Store store)
{
    /// <summary>The values of <see cref="GuestInstance.SuspensionState"/>: nothing is under way.</summary>
    public const int None = 0;

    /// <summary>The guest is being left: each function keeps what it needs, and returns.</summary>
    public const int Unwinding = 1;

    /// <summary>The guest is being entered: each function calls the next.</summary>
    public const int Rewinding = 2;

    private Frame[] _frames = new Frame[8];
    private int _frameCount;

    // Pinned, so that compiled code writes by address.
    private byte[] _numbers = [];
    private int _numberCount;
    private object?[] _references = [];
    private int _referenceCount;

    // Of the frame that is being kept or taken back.
    private int _firstReference;
    private int _point;
    private HostFunction? _host;
    private Task? _task;

    // For the guest's own waits.
    private int _callCount;
    private int _leftFrames;

    /// <summary>What the guest tries, if it does.</summary>
    public WaitTrial? Trial { get; set; }

    /// <summary>What is under way.</summary>
    public int State { get; private set; }

    /// <summary>What the guest waits for.</summary>
    public Task? Task => _task;

    /// <summary>Whether a wait of the guest's own is due: after as many calls as the last one has cost, so that deep recursion ends.</summary>
    public bool IsDue => ++_callCount > _leftFrames;

    /// <summary>Starts to leave the guest, which has called a host function that waits for a task.</summary>
    /// <param name="host">Null if the guest waits by itself.</param>
    public void Begin(HostFunction? host, Task task)
    {
        _host = host;
        _task = task;
        State = Unwinding;
        store.SetSuspensionState(Unwinding);
    }

    /// <summary>Starts to enter the guest again.</summary>
    public void BeginRewinding()
    {
        State = Rewinding;
        store.SetSuspensionState(Rewinding);
    }

    /// <summary>The guest was left.</summary>
    public void EndUnwinding()
    {
        State = None;
        _callCount = 0;
        _leftFrames = _frameCount;
        if (Trial is not null)
        {
            foreach (ref Frame frame in _frames.AsSpan(0, _frameCount))
            {
                frame.Instance.Code.Suspension!.Learn(frame.Function);
            }
        }

        store.SetSuspensionState(None);
    }

    /// <summary>The guest is where it was: the task that it has waited for.</summary>
    public Task End()
    {
        Task task = _task!;
        Clear();
        store.EndRewinding();
        return task;
    }

    /// <summary>Forgets all frames.</summary>
    public void Clear()
    {
        _frames.AsSpan(0, _frameCount).Clear();
        _references.AsSpan(0, _referenceCount).Clear();
        _frameCount = 0;
        _numberCount = 0;
        _referenceCount = 0;
        _host = null;
        _task = null;
        State = None;
    }

    /// <summary>Adds a frame, and returns where its numbers go.</summary>
    public byte* Save(GuestInstance instance, int function, int point, int numbers, int references)
    {
        if (_frameCount == _frames.Length)
        {
            Array.Resize(ref _frames, _frameCount * 2);
        }

        if (_numberCount + numbers > _numbers.Length)
        {
            byte[] larger = GC.AllocateUninitializedArray<byte>(Math.Max(_numbers.Length * 2, _numberCount + numbers), pinned: true);
            _numbers.AsSpan(0, _numberCount).CopyTo(larger);
            _numbers = larger;
        }

        if (_referenceCount + references > _references.Length)
        {
            Array.Resize(ref _references, Math.Max(_references.Length * 2, _referenceCount + references));
        }

        _frames[_frameCount++] = new Frame(instance, function, point, _numberCount, _referenceCount);
        _firstReference = _referenceCount;
        byte* place = AddressOf(_numberCount);
        _numberCount += numbers;
        _referenceCount += references;
        return place;
    }

    public void SaveReference(object? value, int index) => _references[_firstReference + index] = value;

    /// <summary>Takes the outermost frame off, and returns where its numbers are. They and its references stay until the next frame is taken.</summary>
    public byte* Restore()
    {
        Frame frame = _frames[--_frameCount];
        _frames[_frameCount] = default;
        _numberCount = frame.FirstNumber;
        _referenceCount = frame.FirstReference;
        _firstReference = frame.FirstReference;
        _point = frame.Point;
        return AddressOf(frame.FirstNumber);
    }

    /// <summary>Where the frame taken last goes on.</summary>
    public int Point => _point;

    public object? RestoreReference(int index)
    {
        object? value = _references[_firstReference + index];
        _references[_firstReference + index] = null;
        return value;
    }

    /// <summary>What is to be entered next: a function, or once all are, the host's. The result is the target of its code.</summary>
    public object NextTarget => _frameCount > 0 ? _frames[_frameCount - 1].Instance : (object?)_host ?? this;

    /// <summary>The code of what is to be entered next.</summary>
    public nint NextCode
    {
        get
        {
            if (_frameCount == 0)
            {
                return _host is not null ? _host.Adapter.ResumeCode : (nint)(delegate*<object, void>)&EndOwnWait;
            }

            ref Frame frame = ref _frames[_frameCount - 1];
            return frame.Instance.Code.Suspension!.GetRewindStub(frame.Function);
        }
    }

    /// <summary>The code of the function that is to be entered, for the stub that calls it.</summary>
    public nint NextFunctionCode
    {
        get
        {
            ref Frame frame = ref _frames[_frameCount - 1];
            return frame.Instance.Code.Suspension!.CodeOf(frame.Function);
        }
    }

    private static void EndOwnWait(object suspension) => ((GuestSuspension)suspension).End();

    // Sound: the array is pinned, and lives as long as this object or until it is replaced by a larger one, when no compiled code holds the address.
    private byte* AddressOf(int offset) => (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_numbers, offset);

    private readonly record struct Frame(GuestInstance Instance, int Function, int Point, int FirstNumber, int FirstReference);
}
