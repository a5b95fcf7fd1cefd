using Wherry.Instructions;

namespace Wherry.Binary;

/// <summary>
/// Reads the constant expressions that nearly all are: one instruction with a number, and the end. That needs nothing of what reads instructions in general, which the runtime takes a
/// millisecond to load when it is first used.
/// </summary>
internal static class SimpleExpression
{
    /// <param name="bytes">From the expression's first byte on.</param>
    /// <param name="opcode">i32.const, i64.const, global.get or ref.func.</param>
    /// <param name="value">The number.</param>
    /// <param name="length">The expression's bytes.</param>
    /// <returns>False for whatever is not surely such an expression: it may be another one, or malformed.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out Opcode opcode, out long value, out int length)
    {
        opcode = bytes.IsEmpty ? Opcode.Unreachable : (Opcode)bytes[0];
        value = 0;
        length = 0;

        // So many bytes can't be a number that is too large.
        int most = opcode switch
        {
            Opcode.I32Const or Opcode.GlobalGet or Opcode.RefFunc => 4,
            Opcode.I64Const => 9,
            _ => 0,
        };
        int shift = 0;
        for (int i = 1; i <= most && i + 1 < bytes.Length; i++)
        {
            byte next = bytes[i];
            value |= (long)(next & 0x7F) << shift;
            shift += 7;
            if ((next & 0x80) == 0)
            {
                if (opcode is Opcode.I32Const or Opcode.I64Const && (next & 0x40) != 0)
                {
                    value |= -1L << shift;
                }

                length = i + 2;
                return (Opcode)bytes[i + 1] == Opcode.End;
            }
        }

        return false;
    }
}
