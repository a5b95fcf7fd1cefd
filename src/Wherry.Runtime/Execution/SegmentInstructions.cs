namespace Wherry.Execution;

/// <summary>What is left of a segment, for the array instructions that read it: nothing, once it was dropped.</summary>
internal static class SegmentInstructions
{
    public static ReadOnlySpan<byte> Data(GuestInstance instance, int index)
    {
        if (instance.DroppedData[index])
        {
            return default;
        }

        Binary.DataSegment segment = instance.Code.Definition.Data[index];
        return instance.Code.Definition.Bytes.Span.Slice(segment.Offset, segment.Length);
    }

    public static ReadOnlySpan<object?> Elements(GuestInstance instance, int index) => instance.Elements[index];
}
