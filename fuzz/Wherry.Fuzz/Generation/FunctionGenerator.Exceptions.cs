using Wherry.Instructions;
using Wherry.Text;

namespace Wherry.Fuzz.Generation;

/// <summary>Exceptions, in both forms.</summary>
internal sealed partial class FunctionGenerator
{
    private void TryException(Opcode opcode, int depth)
    {
        if (opcode == Opcode.Throw && random.OneIn(2))
        {
            // Mostly out of the function, to its callers.
            Throw(depth, isRare: IsCareful());
            return;
        }

        if (shape.Options.HasLegacyExceptions)
        {
            TryLegacy(depth);
            return;
        }

        TryWithTable(opcode == Opcode.ThrowRef, depth);
    }

    private EncodedType[] TagTypes(int tag) => shape.Signatures[shape.Tags[tag]].Parameters;

    private void Throw(int depth, bool isRare = false) => Throw(depth, random.Next(shape.Tags.Count), isRare);

    private void Throw(int depth, int tag, bool isRare = false)
    {
        Value(Types.I32, depth);
        Int32(isRare ? 7 : 3);
        Op(Opcode.I32And);
        if (isRare)
        {
            Op(Opcode.I32Eqz);
        }

        OpenIf([]);
        Values(TagTypes(tag), depth);
        Op(Opcode.Throw, tag);
        Close();
    }

    private void Protected(int depth)
    {
        bool was = isInProtectedCode;
        isInProtectedCode = true;
        Statements(depth);
        Throw(depth);
        isInProtectedCode = was;
    }

    /// <summary>try_table whose clauses lead to one block each, innermost first.</summary>
    private void TryWithTable(bool throwsAgain, int depth)
    {
        int tag = random.Next(shape.Tags.Count);
        int other = random.Next(shape.Tags.Count);
        EncodedType[] results = PickTypes(1);
        Open(Opcode.Block, [], results);
        Open(Opcode.Block, [], [Types.Exn]);
        Open(Opcode.Block, [], TagTypes(other));
        Open(Opcode.Block, [], [.. TagTypes(tag), Types.Exn]);
        Op(Opcode.TryTable);
        BlockType([], results);
        bool catchesAll = IsCareful();
        code.Unsigned(catchesAll ? 3 : 2);
        code.Byte(1);
        code.Unsigned(tag);
        code.Unsigned(0);
        code.Byte(0);
        code.Unsigned(other);
        code.Unsigned(1);
        if (catchesAll)
        {
            code.Byte(3);
            code.Unsigned(2);
        }

        labels.Add(new Label(results));
        Protected(depth);
        if (throwsAgain)
        {
            TryWithTableAgain(depth - 1);
        }

        Values(results, depth);
        Close();
        Op(Opcode.Br, 3);
        Close();
        Op(Opcode.Drop);
        Keep(TagTypes(tag));
        Values(results, depth);
        Op(Opcode.Br, 2);
        Close();
        Keep(TagTypes(other));
        Values(results, depth);
        Op(Opcode.Br, 1);
        Close();
        Op(Opcode.Drop);
        Values(results, depth);
        Close();
        Keep(results);
    }

    /// <summary>Catches what is thrown inside and throws it on.</summary>
    private void TryWithTableAgain(int depth)
    {
        Open(Opcode.Block, [], []);
        Open(Opcode.Block, [], [Types.Exn]);
        Op(Opcode.TryTable);
        BlockType([], []);
        code.Unsigned(1);

        // catch_all without a reference goes out.
        bool hasReference = random.OneIn(2);
        code.Byte((byte)(hasReference ? 3 : 2));
        code.Unsigned(hasReference ? 0 : 1);
        labels.Add(new Label([]));
        Throw(depth);
        Close();
        Op(Opcode.Br, 1);
        Close();
        Op(Opcode.ThrowRef);
        Close();
    }

    private void TryLegacy(int depth)
    {
        int tag = random.Next(shape.Tags.Count);
        EncodedType[] results = PickTypes(1);
        bool catchesAll = IsCareful();
        Open(Opcode.Try, [], results);
        if (random.OneIn(3))
        {
            // What is thrown inside is for the handlers of this one.
            Open(Opcode.Try, [], []);
            Protected(depth);
            Op(Opcode.Delegate, 0);
            labels.RemoveAt(labels.Count - 1);
        }

        if (random.OneIn(2))
        {
            Open(Opcode.Try, [], []);
            Protected(depth);
            Throw(depth, tag);
            Op(Opcode.Catch, tag);
            Keep(TagTypes(tag));
            if (catchesAll)
            {
                Value(Types.I32, depth);
                OpenIf([]);
                Op(Opcode.Rethrow, 1);
                Close();
            }

            Close();
        }

        Protected(depth);
        Values(results, depth);
        Op(Opcode.Catch, tag);
        Keep(TagTypes(tag));
        Statement(depth);
        Values(results, depth);
        if (catchesAll)
        {
            Op(Opcode.CatchAll);
            Values(results, depth);
        }

        Close();
        Keep(results);
    }
}
