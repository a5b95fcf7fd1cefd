using System.Runtime.CompilerServices;
using Wherry.Wasi.Abi;
using Wherry.Wasi.Waiting;

namespace Wherry.Wasi;

// What guests import of preview 1, with the signatures of the specification; sockets and polling have a part of their own. Nothing but the step from the
// caller to GuestCall and taking turns happens here. Functions that touch nothing but the call's own arguments and what never changes take none.
public sealed partial class WasiContext
{
    [WasmFunction("args_get")]
    private int ArgsGetImport(Caller caller, uint pointers, uint buffer) => (int)ArgsGet(Enter(caller), pointers, buffer);

    [WasmFunction("args_sizes_get")]
    private int ArgsSizesGetImport(Caller caller, uint count, uint size) => (int)ArgsSizesGet(Enter(caller), count, size);

    [WasmFunction("environ_get")]
    private int EnvironGetImport(Caller caller, uint pointers, uint buffer) => (int)EnvironGet(Enter(caller), pointers, buffer);

    [WasmFunction("environ_sizes_get")]
    private int EnvironSizesGetImport(Caller caller, uint count, uint size) => (int)EnvironSizesGet(Enter(caller), count, size);

    [WasmFunction("clock_res_get")]
    private int ClockResGetImport(Caller caller, uint clock, uint resolution) => (int)ClockResGet(Enter(caller), clock, resolution);

    [WasmFunction("clock_time_get")]
    private int ClockTimeGetImport(Caller caller, uint clock, ulong precision, uint time) => (int)ClockTimeGet(Enter(caller), clock, precision, time);

    [WasmFunction("fd_advise")]
    private int FdAdviseImport(int fd, ulong offset, ulong length, uint advice)
    {
        using Turn turn = Turns.Take();
        return (int)FdAdvise(fd, offset, length, advice);
    }

    [WasmFunction("fd_allocate")]
    private int FdAllocateImport(int fd, ulong offset, ulong length)
    {
        using Turn turn = Turns.Take();
        return (int)FdAllocate(fd, offset, length);
    }

    [WasmFunction("fd_close")]
    private int FdCloseImport(int fd)
    {
        using Turn turn = Turns.Take();
        return (int)FdClose(fd);
    }

    [WasmFunction("fd_datasync")]
    private int FdDatasyncImport(int fd)
    {
        using Turn turn = Turns.Take();
        return (int)FdDatasync(fd);
    }

    [WasmFunction("fd_fdstat_get")]
    private int FdFdstatGetImport(Caller caller, int fd, uint status)
    {
        using Turn turn = Turns.Take();
        return (int)FdFdstatGet(Enter(caller), fd, status);
    }

    [WasmFunction("fd_fdstat_set_flags")]
    private int FdFdstatSetFlagsImport(int fd, uint flags)
    {
        using Turn turn = Turns.Take();
        return (int)FdFdstatSetFlags(fd, flags);
    }

    [WasmFunction("fd_fdstat_set_rights")]
    private int FdFdstatSetRightsImport(int fd, ulong rights, ulong inheritingRights)
    {
        using Turn turn = Turns.Take();
        return (int)FdFdstatSetRights(fd, rights, inheritingRights);
    }

    [WasmFunction("fd_filestat_get")]
    private int FdFilestatGetImport(Caller caller, int fd, uint result)
    {
        using Turn turn = Turns.Take();
        return (int)FdFilestatGet(Enter(caller), fd, result);
    }

    [WasmFunction("fd_filestat_set_size")]
    private int FdFilestatSetSizeImport(int fd, ulong size)
    {
        using Turn turn = Turns.Take();
        return (int)FdFilestatSetSize(fd, size);
    }

    [WasmFunction("fd_filestat_set_times")]
    private int FdFilestatSetTimesImport(int fd, ulong access, ulong modification, uint flags)
    {
        using Turn turn = Turns.Take();
        return (int)FdFilestatSetTimes(fd, access, modification, flags);
    }

    [WasmFunction("fd_pread")]
    private int FdPreadImport(Caller caller, int fd, uint buffers, uint bufferCount, ulong offset, uint readCount)
    {
        using Turn turn = Turns.Take();
        return (int)FdPread(Enter(caller), fd, buffers, bufferCount, offset, readCount);
    }

    [WasmFunction("fd_prestat_get")]
    private int FdPrestatGetImport(Caller caller, int fd, uint result)
    {
        using Turn turn = Turns.Take();
        return (int)FdPrestatGet(Enter(caller), fd, result);
    }

    [WasmFunction("fd_prestat_dir_name")]
    private int FdPrestatDirNameImport(Caller caller, int fd, uint buffer, uint length)
    {
        using Turn turn = Turns.Take();
        return (int)FdPrestatDirName(Enter(caller), fd, buffer, length);
    }

    [WasmFunction("fd_pwrite")]
    private ValueTask<int> FdPwriteImport(Caller caller, int fd, uint buffers, uint bufferCount, ulong offset, uint writtenCount)
    {
        using Turn turn = Turns.Take();
        return Complete(Result(FdPwrite(Enter(caller), fd, buffers, bufferCount, offset, writtenCount)));
    }

    [WasmFunction("fd_read")]
    private ValueTask<int> FdReadImport(Caller caller, int fd, uint buffers, uint bufferCount, uint readCount) => Turns.AreTaken
        ? FdReadInTurn(Enter(caller), fd, buffers, bufferCount, readCount)
        : Result(FdRead(Enter(caller), fd, buffers, bufferCount, readCount));

    // Apart, so that calls of guests without threads need no protected region.
    private ValueTask<int> FdReadInTurn(GuestCall call, int fd, uint buffers, uint bufferCount, uint readCount)
    {
        using Turn turn = Turns.Take();
        return Complete(Result(FdRead(call, fd, buffers, bufferCount, readCount)));
    }

    [WasmFunction("fd_readdir")]
    private int FdReaddirImport(Caller caller, int fd, uint buffer, uint length, ulong cookie, uint usedSize)
    {
        using Turn turn = Turns.Take();
        return (int)FdReaddir(Enter(caller), fd, buffer, length, cookie, usedSize);
    }

    [WasmFunction("fd_renumber")]
    private int FdRenumberImport(int from, int to)
    {
        using Turn turn = Turns.Take();
        return (int)FdRenumber(from, to);
    }

    [WasmFunction("fd_seek")]
    private int FdSeekImport(Caller caller, int fd, long offset, uint whence, uint result)
    {
        using Turn turn = Turns.Take();
        return (int)FdSeek(Enter(caller), fd, offset, whence, result);
    }

    [WasmFunction("fd_sync")]
    private int FdSyncImport(int fd)
    {
        using Turn turn = Turns.Take();
        return (int)FdSync(fd);
    }

    [WasmFunction("fd_tell")]
    private int FdTellImport(Caller caller, int fd, uint result)
    {
        using Turn turn = Turns.Take();
        return (int)FdTell(Enter(caller), fd, result);
    }

    [WasmFunction("fd_write")]
    private ValueTask<int> FdWriteImport(Caller caller, int fd, uint buffers, uint bufferCount, uint writtenCount) => Turns.AreTaken
        ? FdWriteInTurn(Enter(caller), fd, buffers, bufferCount, writtenCount)
        : Result(FdWrite(Enter(caller), fd, buffers, bufferCount, writtenCount));

    // Apart, so that calls of guests without threads need no protected region.
    private ValueTask<int> FdWriteInTurn(GuestCall call, int fd, uint buffers, uint bufferCount, uint writtenCount)
    {
        using Turn turn = Turns.Take();
        return Complete(Result(FdWrite(call, fd, buffers, bufferCount, writtenCount)));
    }

    [WasmFunction("path_create_directory")]
    private int PathCreateDirectoryImport(Caller caller, int fd, uint path, uint pathLength)
    {
        using Turn turn = Turns.Take();
        return (int)PathCreateDirectory(Enter(caller), fd, path, pathLength);
    }

    [WasmFunction("path_filestat_get")]
    private int PathFilestatGetImport(Caller caller, int fd, uint lookup, uint path, uint pathLength, uint result)
    {
        using Turn turn = Turns.Take();
        return (int)PathFilestatGet(Enter(caller), fd, lookup, path, pathLength, result);
    }

    [WasmFunction("path_filestat_set_times")]
    private int PathFilestatSetTimesImport(Caller caller, int fd, uint lookup, uint path, uint pathLength, ulong access, ulong modification, uint flags)
    {
        using Turn turn = Turns.Take();
        return (int)PathFilestatSetTimes(Enter(caller), fd, lookup, path, pathLength, access, modification, flags);
    }

    [WasmFunction("path_link")]
    private int PathLinkImport(Caller caller, int oldFd, uint lookup, uint oldPath, uint oldLength, int newFd, uint newPath, uint newLength)
    {
        using Turn turn = Turns.Take();
        return (int)PathLink(Enter(caller), oldFd, lookup, oldPath, oldLength, newFd, newPath, newLength);
    }

    [WasmFunction("path_open")]
    private int PathOpenImport(Caller caller, int fd, uint lookup, uint path, uint pathLength, uint openFlags, ulong rights, ulong inheritingRights, uint descriptorFlags, uint result)
    {
        using Turn turn = Turns.Take();
        return (int)PathOpen(Enter(caller), fd, lookup, path, pathLength, openFlags, rights, inheritingRights, descriptorFlags, result);
    }

    [WasmFunction("path_readlink")]
    private int PathReadlinkImport(Caller caller, int fd, uint path, uint pathLength, uint buffer, uint length, uint usedSize)
    {
        using Turn turn = Turns.Take();
        return (int)PathReadlink(Enter(caller), fd, path, pathLength, buffer, length, usedSize);
    }

    [WasmFunction("path_remove_directory")]
    private int PathRemoveDirectoryImport(Caller caller, int fd, uint path, uint pathLength)
    {
        using Turn turn = Turns.Take();
        return (int)PathRemoveDirectory(Enter(caller), fd, path, pathLength);
    }

    [WasmFunction("path_rename")]
    private int PathRenameImport(Caller caller, int oldFd, uint oldPath, uint oldLength, int newFd, uint newPath, uint newLength)
    {
        using Turn turn = Turns.Take();
        return (int)PathRename(Enter(caller), oldFd, oldPath, oldLength, newFd, newPath, newLength);
    }

    [WasmFunction("path_symlink")]
    private int PathSymlinkImport(Caller caller, uint target, uint targetLength, int fd, uint path, uint pathLength)
    {
        using Turn turn = Turns.Take();
        return (int)PathSymlink(Enter(caller), target, targetLength, fd, path, pathLength);
    }

    [WasmFunction("path_unlink_file")]
    private int PathUnlinkFileImport(Caller caller, int fd, uint path, uint pathLength)
    {
        using Turn turn = Turns.Take();
        return (int)PathUnlinkFile(Enter(caller), fd, path, pathLength);
    }

    [WasmFunction("proc_raise")]
    private static int ProcRaiseImport(uint signal) => (int)ProcRaise(signal);

    [WasmFunction("random_get")]
    private int RandomGetImport(Caller caller, uint buffer, uint length) => (int)RandomGet(Enter(caller), buffer, length);

    [WasmFunction("sched_yield")]
    private static int SchedYieldImport() => (int)SchedYield();

    [WasmFunction("proc_exit")]
    private static void ProcExitImport(int code) => throw new GuestExitException(code);

    // Sound: the engine keeps the memory mapped and in its place while the guest is in the call. A memory that grows meanwhile only leaves the length short.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static unsafe GuestCall Enter(Caller caller) => caller.Memory is { } memory
        ? new GuestCall(memory.Base, memory.Length, caller.Store)
        : new GuestCall(null, 0, caller.Store);

    /// <summary>Where threads take turns, a call keeps its turn until it is done, whoever goes on with it after a wait.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ValueTask<int> Complete(ValueTask<int> task) => !Turns.AreTaken || task.IsCompleted ? task : new ValueTask<int>(task.AsTask().GetAwaiter().GetResult());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ValueTask<int> Result(ValueTask<Errno> task) =>
        task.IsCompletedSuccessfully ? ValueTask.FromResult((int)task.Result) : Await(task);

    private static async ValueTask<int> Await(ValueTask<Errno> task) => (int)await task.ConfigureAwait(false);
}
