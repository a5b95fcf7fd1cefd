using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Wherry.Diagnostics;

namespace Wherry.Execution.Memories;

/// <summary>
/// Turns a fault inside of the memory arena into a NullReferenceException. The CLR makes that exception of a fault at an address near zero, and ends
/// the process at any other; so a few instructions of machine code stand before its SIGSEGV handler: if the address is the arena's, they note it
/// for the thread, replace it by zero, and in any case jump on. They run on the signal stack, call nothing and take no lock.
/// </summary>
internal static unsafe partial class FaultHandler
{
    private const int SegmentationFault = 11;

    // The two C libraries of Linux on x64 agree on it: handler, 128 bytes of mask, flags, restorer.
    private const int ActionSize = 8 + 128 + 8 + 8;

    // Each thread writes to the entry that its thread pointer falls on. Two threads may share one: the noted thread pointer tells whose it is.
    private const int NoteCount = 4096;
    private const int NoteSize = 32;

    // Thread pointers lie apart by the size of stacks: multiplied, they spread over the table.
    private const ulong HashFactor = 0x1E3779B1;

    private static byte* s_notes;

    public static bool IsSupported => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>Puts the handler in place.</summary>
    /// <returns>False if the system doesn't allow it.</returns>
    public static bool TryInstall(byte* arena, ulong arenaSize)
    {
        const ulong CodeSize = 4096;
        byte* code = SystemMemory.Reserve(CodeSize + (NoteCount * NoteSize));
        if (code == null || !SystemMemory.Commit(code, CodeSize + (NoteCount * NoteSize)))
        {
            return false;
        }

        byte* notes = code + CodeSize;
        byte* action = stackalloc byte[ActionSize];
        if (sigaction(SegmentationFault, null, action) != 0)
        {
            return false;
        }

        nint next = *(nint*)action;
        if (next is 0 or 1)
        {
            // The CLR has no handler: then there is nothing that would make an exception of the fault.
            return false;
        }

        WriteCode(new Span<byte>(code, (int)CodeSize), (ulong)arena, arenaSize, (ulong)notes, (ulong)next);
        if (!SystemMemory.MakeExecutable(code, CodeSize))
        {
            return false;
        }

        s_notes = notes;
        *(nint*)action = (nint)code;
        return sigaction(SegmentationFault, action, null) == 0;
    }

    /// <summary>This thread's last fault in the arena, once.</summary>
    /// <param name="address">What could not be accessed.</param>
    /// <param name="access">The machine's instruction.</param>
    public static bool TryTakeFault(out nint address, out MachineAccess access)
    {
        address = 0;
        access = default;
        if (s_notes == null)
        {
            return false;
        }

        // Sound: the index is below NoteCount, and the notes are never freed.
        nint self = pthread_self();
        ulong hash = (((ulong)self >> 12) * HashFactor) >> 20;
        nint* note = (nint*)(s_notes + ((hash & (NoteCount - 1)) * NoteSize));
        if (Volatile.Read(ref note[0]) != self)
        {
            return false;
        }

        address = Volatile.Read(ref note[1]);
        nint instruction = Volatile.Read(ref note[2]);

        // Sound: the handler writes whose note it is before the rest, so that this is an instruction of this thread. Its code can't be gone: its frame is in the exception that is handled.
        access = Volatile.Read(ref note[0]) == self ? MachineAccess.Read((byte*)instruction) : default;
        Volatile.Write(ref note[0], 0);
        return true;
    }

    // rdi: signal, rsi: siginfo (the address at 16), rdx: context. Those are kept for the next handler; the rest a handler may change.
    private static void WriteCode(Span<byte> code, ulong arena, ulong arenaSize, ulong notes, ulong next)
    {
        var writer = new CodeWriter(code);
        writer.Write([0xF3, 0x0F, 0x1E, 0xFA]);                                     // endbr64
        writer.Write([0x48, 0x8B, 0x46, 0x10]);                                     // mov rax, [rsi+16]
        writer.Write([0x49, 0x89, 0xC0]);                                           // mov r8, rax
        writer.Write([0x48, 0xB9], arena);                                          // mov rcx, arena
        writer.Write([0x49, 0x29, 0xC8]);                                           // sub r8, rcx
        writer.Write([0x48, 0xB9], arenaSize);                                      // mov rcx, arenaSize
        writer.Write([0x49, 0x39, 0xC8]);                                           // cmp r8, rcx
        writer.Write([0x73, 0]);                                                    // jae next
        int jump = writer.Position;
        writer.Write([0x48, 0xC7, 0x46, 0x10, 0, 0, 0, 0]);                         // mov qword [rsi+16], 0
        writer.Write([0x64, 0x48, 0x8B, 0x0C, 0x25, 0, 0, 0, 0]);                   // mov rcx, fs:[0]
        writer.Write([0x49, 0x89, 0xC8]);                                           // mov r8, rcx
        writer.Write([0x49, 0xC1, 0xE8, 12]);                                       // shr r8, 12
        writer.Write([0x4D, 0x69, 0xC0, 0xB1, 0x79, 0x37, 0x1E]);                   // imul r8, r8, HashFactor
        writer.Write([0x49, 0xC1, 0xE8, 20]);                                       // shr r8, 20
        writer.Write([0x41, 0x81, 0xE0, (NoteCount - 1) & 0xFF, (NoteCount - 1) >> 8, 0, 0]); // and r8d, NoteCount - 1
        writer.Write([0x49, 0xC1, 0xE0, 5]);                                        // shl r8, 5
        writer.Write([0x49, 0xB9], notes);                                          // mov r9, notes
        writer.Write([0x4D, 0x01, 0xC1]);                                           // add r9, r8
        writer.Write([0x49, 0x89, 0x09]);                                           // mov [r9], rcx
        writer.Write([0x49, 0x89, 0x41, 0x08]);                                     // mov [r9+8], rax
        writer.Write([0x48, 0x8B, 0x8A, 0xA8, 0, 0, 0]);                            // mov rcx, [rdx+168], the place of the instruction
        writer.Write([0x49, 0x89, 0x49, 0x10]);                                     // mov [r9+16], rcx
        code[jump - 1] = (byte)(writer.Position - jump);
        writer.Write([0x48, 0xB8], next);                                           // next: mov rax, next
        writer.Write([0xFF, 0xE0]);                                                 // jmp rax
    }

    [LibraryImport("libc")]
    private static partial int sigaction(int signal, byte* action, byte* former);

    // The thread pointer, which the machine code reads from fs:[0].
    [LibraryImport("libc"), SuppressGCTransition]
    private static partial nint pthread_self();

    private ref struct CodeWriter(Span<byte> code)
    {
        private readonly Span<byte> _code = code;

        public int Position { get; private set; }

        public void Write(ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_code[Position..]);
            Position += bytes.Length;
        }

        public void Write(ReadOnlySpan<byte> bytes, ulong value)
        {
            Write(bytes);
            BinaryPrimitives.WriteUInt64LittleEndian(_code[Position..], value);
            Position += 8;
        }
    }
}
