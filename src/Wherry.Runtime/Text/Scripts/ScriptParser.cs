namespace Wherry.Text.Scripts;

/// <summary>Reads a test script (WAST): the directives of the official suite. Modules in it are read when they are run.</summary>
internal sealed class ScriptParser
{
    private readonly TextSource source;
    private readonly TokenCursor at;

    private ScriptParser(TextSource source)
    {
        this.source = source;
        at = new TokenCursor(source, source.Tokens);
    }

    public static ScriptCommand[] Parse(TextSource source)
    {
        var parser = new ScriptParser(source);
        TokenCursor at = parser.at;
        if (at.Is(TokenKind.LeftParenthesis) && at.At(1).Kind == TokenKind.Keyword && !IsDirective(source.Show(at.At(1))))
        {
            // A script may also be the fields of one module.
            return [new ModuleCommand(at.Current.Start, new TextModuleSource(null, source, 0), false)];
        }

        ScriptCommand[] commands = parser.ReadCommands();
        return at.Is(TokenKind.End) ? commands : throw at.Unexpected();
    }

    private static bool IsDirective(string word) =>
        word is "module" or "register" or "invoke" or "get" or "thread" or "wait" || word.StartsWith("assert_", StringComparison.Ordinal);

    private ScriptCommand[] ReadCommands()
    {
        var commands = new List<ScriptCommand>();
        while (at.Is(TokenKind.LeftParenthesis))
        {
            commands.Add(ReadCommand());
        }

        return [.. commands];
    }

    private ScriptCommand ReadCommand()
    {
        int offset = at.Current.Start;
        if (at.IsOpen("module"u8))
        {
            return ReadModuleCommand(offset);
        }

        if (at.IsOpen("invoke"u8) || at.IsOpen("get"u8))
        {
            return new ActionCommand(offset, ReadAction());
        }

        if (at.IsOpen("thread"u8))
        {
            return ReadThread(offset);
        }

        at.Expect(TokenKind.LeftParenthesis);
        ScriptCommand command = ReadSimpleCommand(offset);
        at.Close();
        return command;
    }

    private ScriptCommand ReadSimpleCommand(int offset)
    {
        string word = at.Is(TokenKind.Keyword) ? source.Show(at.Current) : "";
        if (!IsDirective(word))
        {
            throw at.Unexpected(expected: "a directive");
        }

        at.Position++;
        switch (word)
        {
            case "register":
                return new RegisterCommand(offset, at.Name(), at.TryIdentifier());
            case "wait":
                return new WaitCommand(offset, at.TryIdentifier() ?? throw at.Unexpected(expected: "a thread"));
            case "assert_return":
                ScriptAction action = ReadAction();
                return new AssertReturnCommand(offset, action, ReadValues());
            case "assert_trap" when at.IsOpen("module"u8):
                return new AssertTrapCommand(offset, null, ReadModule(out _), at.Name());
            case "assert_trap":
                return new AssertTrapCommand(offset, ReadAction(), null, at.Name());
            case "assert_exception":
                return new AssertExceptionCommand(offset, ReadAction());
            case "assert_exhaustion":
                return new AssertExhaustionCommand(offset, ReadAction(), at.Name());
            case "assert_malformed":
                return new AssertRejectedCommand(offset, Rejection.Malformed, ReadModule(out _), at.Name());
            case "assert_malformed_custom":
                return new AssertRejectedCommand(offset, Rejection.MalformedCustom, ReadModule(out _), at.Name());
            case "assert_invalid":
                return new AssertRejectedCommand(offset, Rejection.Invalid, ReadModule(out _), at.Name());
            case "assert_invalid_custom":
                return new AssertRejectedCommand(offset, Rejection.InvalidCustom, ReadModule(out _), at.Name());
            case "assert_unlinkable":
                return new AssertRejectedCommand(offset, Rejection.Unlinkable, ReadModule(out _), at.Name());
            default:
                at.Position--;
                throw at.Unexpected(expected: "a directive that is known here");
        }
    }

    private ScriptCommand ReadModuleCommand(int offset)
    {
        int start = at.Position;
        at.Open("module"u8);
        if (at.TryKeyword("instance"u8))
        {
            string? name = at.TryIdentifier();
            string? definition = at.TryIdentifier();
            at.Close();
            return new InstanceCommand(offset, name, definition);
        }

        at.Position = start;
        ModuleSource module = ReadModule(out bool isDefinition);
        return new ModuleCommand(offset, module, isDefinition);
    }

    private ModuleSource ReadModule(out bool isDefinition)
    {
        int start = at.Position;
        at.Open("module"u8);
        isDefinition = at.TryKeyword("definition"u8);
        string? name = at.TryIdentifier();
        bool isBinary = at.TryKeyword("binary"u8);
        if (!isBinary && !at.TryKeyword("quote"u8))
        {
            var text = new TextModuleSource(name, source, at.Position);
            at.SkipField(start);
            return text;
        }

        var bytes = new ByteWriter();
        at.Strings(bytes, separator: isBinary ? "" : "\n");
        at.Close();
        byte[] content = bytes.Written.ToArray();
        return isBinary ? new BinaryModuleSource(name, content) : new QuotedModuleSource(name, content);
    }

    private ThreadCommand ReadThread(int offset)
    {
        at.Open("thread"u8);
        string name = at.TryIdentifier() ?? throw at.Unexpected(expected: "a name for the thread");
        var shared = new List<string>();
        while (at.TryOpen("shared"u8))
        {
            at.Open("module"u8);
            shared.Add(at.TryIdentifier() ?? throw at.Unexpected(expected: "the name of an instance"));
            at.Close();
            at.Close();
        }

        var commands = new List<ScriptCommand>();
        while (at.Is(TokenKind.LeftParenthesis))
        {
            if (at.IsOpen("thread"u8))
            {
                throw at.Unexpected(expected: "anything but a thread inside a thread");
            }

            commands.Add(ReadCommand());
        }

        at.Close();
        return new ThreadCommand(offset, name, [.. shared], [.. commands]);
    }

    private ScriptAction ReadAction()
    {
        int offset = at.Current.Start;
        bool isGet = at.IsOpen("get"u8);
        if (!isGet && !at.IsOpen("invoke"u8))
        {
            throw at.Unexpected(expected: "an action: invoke or get");
        }

        at.Position += 2;
        string? instance = at.TryIdentifier();
        string export = at.Name();
        ScriptValue[] arguments = isGet ? [] : ReadValues();
        at.Close();
        return new ScriptAction(offset, isGet, instance, export, arguments);
    }

    private ScriptValue[] ReadValues()
    {
        var values = new List<ScriptValue>();
        while (at.Is(TokenKind.LeftParenthesis))
        {
            if (at.TryOpen("either"u8))
            {
                var alternatives = new List<ScriptValue>();
                while (at.Is(TokenKind.LeftParenthesis))
                {
                    alternatives.Add(ReadValue());
                }

                at.Close();
                values.Add(new ScriptValue(ScriptValueKind.Either, Alternatives: [.. alternatives]));
            }
            else
            {
                values.Add(ReadValue());
            }
        }

        return [.. values];
    }

    private ScriptValue ReadValue()
    {
        at.Expect(TokenKind.LeftParenthesis);
        string word = at.Is(TokenKind.Keyword) ? source.Show(at.Current) : "";
        at.Position++;
        NanPattern nan;
        ScriptValue value;
        switch (word)
        {
            case "i32.const":
                value = new ScriptValue(ScriptValueKind.I32, at.Integer(32));
                break;
            case "i64.const":
                value = new ScriptValue(ScriptValueKind.I64, at.Integer(64));
                break;
            case "f32.const":
                nan = TryNan();
                value = new ScriptValue(ScriptValueKind.F32, nan == NanPattern.None ? at.Float32() : 0, nan);
                break;
            case "f64.const":
                nan = TryNan();
                value = new ScriptValue(ScriptValueKind.F64, nan == NanPattern.None ? at.Float64() : 0, nan);
                break;
            case "v128.const":
                value = new ScriptValue(ScriptValueKind.V128, Vector: ReadVector());
                break;
            case "ref.null":
                value = new ScriptValue(ScriptValueKind.Null, Heap: ReadOptionalHeap());
                break;
            case "ref.extern":
                value = new ScriptValue(ScriptValueKind.Extern, ReadOptionalNumber());
                break;
            case "ref.host":
                value = new ScriptValue(ScriptValueKind.Host, ReadOptionalNumber());
                break;
            default:
                at.Position--;
                value = new ScriptValue(word switch
                {
                    "ref.func" => ScriptValueKind.Func,
                    "ref.any" => ScriptValueKind.Any,
                    "ref.eq" => ScriptValueKind.Eq,
                    "ref.i31" => ScriptValueKind.I31,
                    "ref.struct" => ScriptValueKind.Struct,
                    "ref.array" => ScriptValueKind.Array,
                    "ref.exn" => ScriptValueKind.Exn,
                    _ => throw at.Unexpected(expected: "a value"),
                });
                at.Position++;
                break;
        }

        at.Close();
        return value;
    }

    private NanPattern TryNan()
    {
        if (at.TryKeyword("nan:canonical"u8))
        {
            return NanPattern.Canonical;
        }

        return at.TryKeyword("nan:arithmetic"u8) ? NanPattern.Arithmetic : NanPattern.None;
    }

    private VectorPattern ReadVector()
    {
        (int lanes, int bits, bool isFloat) = VectorLiteral.ReadShape(at);
        var values = new ulong[lanes];
        var nans = new NanPattern[lanes];
        for (int i = 0; i < lanes; i++)
        {
            nans[i] = isFloat ? TryNan() : NanPattern.None;
            if (nans[i] == NanPattern.None)
            {
                values[i] = !isFloat ? at.Integer(bits) : bits == 32 ? at.Float32() : at.Float64();
            }
        }

        return new VectorPattern(bits, isFloat, values, nans);
    }

    private int ReadOptionalHeap()
    {
        if (at.Is(TokenKind.RightParenthesis))
        {
            return 0;
        }

        int heap = at.Is(TokenKind.Keyword) ? EncodedType.AbstractHeap(source.Text(at.Current)) : 0;
        if (heap == 0 && !at.IsIndex)
        {
            throw at.Unexpected(expected: "a heap type");
        }

        at.Position++;
        return heap;
    }

    private ulong ReadOptionalNumber() => at.Is(TokenKind.Natural) ? at.Natural32() : ulong.MaxValue;
}
