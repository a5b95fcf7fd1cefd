namespace Wherry.Text;

/// <summary>
/// Reads one module in the text format (specification, chapter 6) and encodes it. The fields are passed over three times: names first, since
/// they may be used before they are defined; then types, since implicit ones come after all explicit ones; then everything else, which is
/// encoded as it is read. No method calls itself on nested input: instructions keep their own stack.
/// </summary>
internal sealed partial class ModuleParser
{
    private readonly TokenCursor at;
    private readonly WatOptions options;
    private readonly ModuleEncoder encoder = new();

    private readonly IndexSpace types = new("type");
    private readonly IndexSpace functions = new("function");
    private readonly IndexSpace tables = new("table");
    private readonly IndexSpace memories = new("memory");
    private readonly IndexSpace globals = new("global");
    private readonly IndexSpace tags = new("tag");
    private readonly IndexSpace elements = new("elem segment");
    private readonly IndexSpace data = new("data segment");

    private string? moduleName;
    private bool hasNameAnnotation;
    private int firstToken;
    private string? importAfter;

    private ModuleParser(TokenCursor at, WatOptions options)
    {
        this.at = at;
        this.options = options;
    }

    /// <summary>Reads a text that holds one module, with or without <c>(module …)</c> around it.</summary>
    public static byte[] Parse(TextSource source, WatOptions options)
    {
        var cursor = new TokenCursor(source, source.Tokens);
        byte[] module = cursor.IsOpen("module"u8) ? ParseModule(cursor, options) : new ModuleParser(cursor, options).Run(null);
        if (!cursor.Is(TokenKind.End))
        {
            throw cursor.Unexpected();
        }

        return module;
    }

    /// <summary>Reads <c>(module $name? field*)</c>, and leaves the cursor behind it.</summary>
    public static byte[] ParseModule(TokenCursor cursor, WatOptions options)
    {
        int start = cursor.Position;
        cursor.Open("module"u8);
        string? name = cursor.TryIdentifier();
        byte[] module = new ModuleParser(cursor, options) { firstToken = start + 1 }.Run(name);
        cursor.Close();
        return module;
    }

    /// <summary>Reads fields up to the parenthesis that closes the module, or to the end of the text.</summary>
    public static byte[] ParseFields(TokenCursor cursor, string? name, WatOptions options) =>
        new ModuleParser(cursor, options) { firstToken = cursor.Position }.Run(name);

    private byte[] Run(string? name)
    {
        int start = at.Position;
        moduleName = TryNameAnnotation() ?? name;
        DeclareNames();
        at.Position = start;
        DefineTypes();
        at.Position = start;
        while (at.Is(TokenKind.LeftParenthesis))
        {
            ReadField();
        }

        CheckAnnotations();
        if (at.Current.Kind is not (TokenKind.RightParenthesis or TokenKind.End))
        {
            throw at.Unexpected();
        }

        FinishTypes();
        WriteNames();
        return encoder.ToBytes();
    }

    /// <summary>The first pass: what each index space holds, and under which names.</summary>
    private void DeclareNames()
    {
        while (at.Is(TokenKind.LeftParenthesis))
        {
            int start = at.Position;
            at.Position++;
            if (at.TryKeyword("type"u8))
            {
                DeclareType();
            }
            else if (at.TryKeyword("rec"u8))
            {
                while (at.Is(TokenKind.LeftParenthesis))
                {
                    int inner = at.Position;
                    at.Open("type"u8);
                    DeclareType();
                    at.SkipField(inner);
                }
            }
            else if (at.TryKeyword("import"u8))
            {
                DeclareImport(start);
            }
            else if (at.TryKeyword("elem"u8))
            {
                Declare(elements);
            }
            else if (at.TryKeyword("data"u8))
            {
                Declare(data);
            }
            else if (!at.IsKeyword("export"u8) && !at.IsKeyword("start"u8))
            {
                DeclareDefinition(start);
            }

            at.SkipField(start);
        }
    }

    private void DeclareType()
    {
        Declare(types);
        typeEntries.Add(new TypeEntry());
    }

    private void Declare(IndexSpace space)
    {
        string? name = at.TryIdentifier();
        space.Add(at, name, TryNameAnnotation());
    }

    private void DeclareImport(int start)
    {
        if (importAfter is not null)
        {
            at.Fail(at.At(start), $"import after {importAfter}: imports come first");
        }

        at.Name();
        at.Name();
        at.Expect(TokenKind.LeftParenthesis);
        IndexSpace space = SpaceOfKeyword(out _);
        at.Position++;
        Declare(space);
    }

    private void DeclareDefinition(int start)
    {
        IndexSpace space = SpaceOfKeyword(out string kind);
        at.Position++;
        Declare(space);
        while (at.IsOpen("export"u8))
        {
            at.SkipField(at.Position);
        }

        if (at.IsOpen("import"u8))
        {
            if (importAfter is not null)
            {
                at.Fail(at.At(start), $"import after {importAfter}: imports come first");
            }

            return;
        }

        importAfter ??= kind;
        if (space == tables || space == memories)
        {
            DeclareInlineSegment(space == tables ? "elem"u8 : "data"u8, space == tables ? elements : data);
        }
    }

    private void DeclareInlineSegment(ReadOnlySpan<byte> keyword, IndexSpace space)
    {
        while (at.Current.Kind is not (TokenKind.RightParenthesis or TokenKind.End or TokenKind.Error))
        {
            if (at.IsOpen(keyword))
            {
                space.Add(at, null);
                return;
            }

            if (at.Is(TokenKind.LeftParenthesis))
            {
                at.SkipField(at.Position);
            }
            else
            {
                at.Position++;
            }
        }
    }

    private IndexSpace SpaceOfKeyword(out string kind)
    {
        foreach ((string word, IndexSpace space) in ((string, IndexSpace)[])[("func", functions), ("table", tables), ("memory", memories), ("global", globals), ("tag", tags)])
        {
            if (at.Is(TokenKind.Keyword) && at.Source.Show(at.Current) == word)
            {
                kind = word == "func" ? "function" : word;
                return space;
            }
        }

        throw at.Unexpected(expected: "a module field");
    }
}
