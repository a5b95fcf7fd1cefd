using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Text.Printing;

// Element and data segments, and constant expressions.
internal sealed partial class ModulePrinter
{
    private const int BytesPerLine = 64;

    private void PrintElements()
    {
        ByteReader reader = Open(9, out int count);
        for (int i = 0; i < count; i++)
        {
            int offset = reader.Position;
            uint flags = reader.ReadU32();
            if (flags > 7)
            {
                MalformedModuleException.Throw($"malformed element segment flags: {flags}", offset);
            }

            output.Line();
            output.Append($"(elem {elements.Declaration(i)}");
            bool isActive = (flags & 1) == 0;
            if (!isActive && (flags & 2) != 0)
            {
                output.Append(" declare");
            }

            if (isActive)
            {
                if ((flags & 2) != 0)
                {
                    output.Append($" (table {tables.Reference(reader.ReadIndex())})");
                }

                PrintOffset(ref reader);
            }

            bool areExpressions = (flags & 4) != 0;
            string type = areExpressions ? "funcref" : "func";
            if ((flags & 3) != 0)
            {
                if (areExpressions)
                {
                    type = TypeText(TypeEncoding.ReadReferenceType(ref reader));
                }
                else
                {
                    reader.ReadByte();
                }
            }

            output.Append($" {type}");
            PrintElementList(ref reader, areExpressions);
            output.Append(")");
        }
    }

    private void PrintElementList(ref ByteReader reader, bool areExpressions)
    {
        int count = reader.ReadCount();
        for (int i = 0; i < count; i++)
        {
            if (areExpressions)
            {
                output.Append(" (item");
                PrintExpression(ref reader);
                output.Append(")");
            }
            else
            {
                output.Append($" {functions.Reference(reader.ReadIndex())}");
            }
        }
    }

    private void PrintData()
    {
        ByteReader reader = Open(11, out int count);
        for (int i = 0; i < count; i++)
        {
            int offset = reader.Position;
            uint flags = reader.ReadU32();
            if (flags > 2)
            {
                MalformedModuleException.Throw($"malformed data segment flags: {flags}", offset);
            }

            output.Line();
            output.Append($"(data {data.Declaration(i)}");
            if (flags == 2)
            {
                output.Append($" (memory {memories.Reference(reader.ReadIndex())})");
            }

            if (flags != 1)
            {
                PrintOffset(ref reader);
            }

            ReadOnlySpan<byte> content = reader.ReadBytes(reader.ReadLength("a data segment"));
            output.Indent++;
            do
            {
                int length = Math.Min(content.Length, BytesPerLine);
                if (content.Length > BytesPerLine)
                {
                    output.Line();
                }
                else
                {
                    output.Append(" ");
                }

                output.Quote(content[..length]);
                content = content[length..];
            }
            while (content.Length > 0);

            output.Indent--;
            output.Append(")");
        }
    }

    private void PrintOffset(ref ByteReader reader)
    {
        output.Append(" (offset");
        PrintExpression(ref reader);
        output.Append(")");
    }

    /// <summary>A constant expression as plain instructions, each after a space, without its <c>end</c>.</summary>
    private void PrintExpression(ref ByteReader reader)
    {
        var code = new InstructionReader(bytes.Span, reader.Position, reader.End);
        var locals = new NameTable(0, static _ => null);
        labels.Clear();
        int depth = 0;
        while (code.Next())
        {
            if (code.Opcode == Opcode.End)
            {
                if (depth == 0)
                {
                    reader = reader.At(code.Position);
                    return;
                }

                depth--;
            }
            else if (code.Opcode is Opcode.Block or Opcode.Loop or Opcode.If or Opcode.TryTable or Opcode.Try)
            {
                depth++;
            }

            output.Append(" ");
            PrintInstruction(ref code, locals);
        }

        MalformedModuleException.Throw("unexpected end of section or function", reader.End);
    }
}
