using Wherry.Execution;
using Wherry.Execution.Heap;
using Wherry.Text;

namespace Wherry.Preinitialization;

/// <summary>Writes constant expressions for references: null, the module's own and imported functions, and small integers. There are none for others.</summary>
internal sealed class ReferenceWriter(GuestInstance guest, SnapshotTypes types)
{
    /// <summary>The index of a function of the module.</summary>
    /// <param name="holder">What holds it, for messages.</param>
    /// <exception cref="SnapshotException">It is another guest's, or the host's.</exception>
    public int GetIndex(Function function, string holder) => guest.FindIndex(function) is >= 0 and int index ? index
        : throw new SnapshotException($"{holder} holds a function that is not the module's own: it can't be saved.");

    /// <exception cref="SnapshotException">There is no constant expression for the value.</exception>
    public void Write(ByteWriter writer, object? value, HeapType type, string holder)
    {
        switch (value)
        {
            case null:
                writer.Byte(0xD0);
                types.Write(writer, type);
                break;
            case Function function when type.Kind is not (HeapTypeKind.Extern or HeapTypeKind.Any):
                writer.Byte(0xD2);
                writer.Unsigned(GetIndex(function, holder));
                break;
            case I31[] when type.Kind != HeapTypeKind.Extern:
                writer.Byte(0x41);
                writer.Signed(I31.ValueOf(value));
                writer.Byte(0xFB);
                writer.Byte(0x1C);
                break;
            default:
                throw new SnapshotException($"{holder} holds {Describe(value)}: it can't be saved, since no module can start with it.");
        }

        writer.Byte(0x0B);
    }

    private static string Describe(object value) =>
        HeapInstructions.IsStruct(value) ? "a struct" : HeapInstructions.IsArray(value) ? "an array" : value is WasmException ? "an exception" : "a value of the host";
}
