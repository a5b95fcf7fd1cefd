using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Wherry.Execution;

/// <summary>What compiled code calls for memories (specification, 4.6.10).</summary>
internal static unsafe class MemoryInstructions
{
    // Between pieces of this size a guest can be interrupted.
    private const ulong Piece = 1024 * 1024;

    public static int Size(Memory memory) => (int)memory.PageCount;

    public static long Size64(Memory memory) => (long)memory.PageCount;

    public static int Grow(int pages, GuestInstance instance, int memory) => (int)instance.Memories[memory].Grow((uint)pages);

    public static long Grow64(long pages, GuestInstance instance, int memory) => instance.Memories[memory].Grow((ulong)pages);

    /// <summary>Whether an access that ends <paramref name="end"/> bytes after an index leaves a memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsOutside(ulong index, ulong end, ulong length) => end > length || index > length - end;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Fill(ulong destination, int value, ulong count, GuestInstance instance, int memoryIndex)
    {
        Memory memory = instance.Memories[memoryIndex];
        Check(memory, destination, count);
        while (count > 0)
        {
            ulong piece = Math.Min(count, Piece);

            // Sound: checked against the length, and memories never shrink or move.
            NativeMemory.Fill(memory.Base + destination, (nuint)piece, (byte)value);
            destination += piece;
            count -= piece;
            Pause(instance, count);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Copy(ulong destination, ulong source, ulong count, GuestInstance instance, int destinationIndex, int sourceIndex)
    {
        Memory to = instance.Memories[destinationIndex];
        Memory from = instance.Memories[sourceIndex];
        Check(from, source, count);
        Check(to, destination, count);

        // Sound: both checked against the lengths, and memories never shrink or move.
        byte* target = to.Base + destination;
        byte* origin = from.Base + source;
        bool isBackward = target > origin;
        while (count > 0)
        {
            ulong piece = Math.Min(count, Piece);
            ulong start = isBackward ? count - piece : 0;
            Buffer.MemoryCopy(origin + start, target + start, piece, piece);
            count -= piece;
            if (!isBackward)
            {
                origin += piece;
                target += piece;
            }

            Pause(instance, count);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Init(ulong destination, ulong source, ulong count, GuestInstance instance, int memoryIndex, int segment)
    {
        Memory memory = instance.Memories[memoryIndex];
        Binary.DataSegment data = instance.Code.Definition.Data[segment];
        ulong available = instance.DroppedData[segment] ? 0 : (ulong)data.Length;
        if (IsOutside(source, count, available))
        {
            throw new GuestTrapException(TrapKind.MemoryOutOfBounds);
        }

        Check(memory, destination, count);

        // Sound: checked against the length just now.
        instance.Code.Definition.Bytes.Span.Slice(data.Offset + (int)source, (int)count).CopyTo(new Span<byte>(memory.Base + destination, (int)count));
    }

    public static void DropData(GuestInstance instance, int segment) => instance.DroppedData[segment] = true;

    private static void Check(Memory memory, ulong index, ulong count)
    {
        if (IsOutside(index, count, Volatile.Read(ref memory.Length)))
        {
            throw Traps.MemoryOutOfBounds(memory, index);
        }
    }

    private static void Pause(GuestInstance instance, ulong left)
    {
        if (left > 0)
        {
            CallInstructions.Safepoint(instance);
        }
    }
}
