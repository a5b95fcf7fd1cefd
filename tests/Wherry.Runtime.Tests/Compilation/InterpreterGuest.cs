using System.Globalization;
using System.Text;

namespace Wherry.Tests.Compilation;

/// <summary>
/// Writes a function like an interpreter's: a loop around a table of cases, each some random statements that read and write locals of all kinds and
/// memory, and that branch, loop, call and return. It ends after as many rounds as it is told.
/// </summary>
internal sealed class InterpreterGuest(int seed, int cases)
{
    private const int LocalsPerType = 3;
    private static readonly string[] Types = ["i32", "i64", "f32", "f64"];

    private readonly Random _random = new(seed);
    private readonly StringBuilder _text = new();

    public string Write()
    {
        _text.AppendLine("(module (memory (export \"memory\") 1)");
        _text.AppendLine("(func $mix (param i32 i64) (result i64) (i64.add (i64.rotl (local.get 1) (i64.const 7)) (i64.extend_i32_u (local.get 0))))");
        _text.AppendLine("(func (export \"run\") (param $op i32) (param $rounds i32) (result i64) (local $k i32)");
        foreach (string type in Types)
        {
            for (int i = 0; i < LocalsPerType; i++)
            {
                _text.AppendLine(CultureInfo.InvariantCulture, $"(local ${type}{i} {type})");
            }
        }

        _text.AppendLine("(block $stop (loop $next");
        _text.AppendLine("(br_if $stop (i32.eqz (local.get $rounds))) (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))");
        for (int i = cases; i >= 0; i--)
        {
            _text.AppendLine(CultureInfo.InvariantCulture, $"(block $c{i}");
        }

        _text.Append("(br_table ");
        for (int i = 0; i <= cases; i++)
        {
            _text.Append(CultureInfo.InvariantCulture, $"$c{i} ");
        }

        _text.AppendLine(CultureInfo.InvariantCulture, $"(i32.rem_u (local.get $op) (i32.const {cases})))");
        for (int i = 0; i <= cases; i++)
        {
            _text.AppendLine(")");
            for (int n = 4 + _random.Next(20); n > 0; n--)
            {
                Statement(3);
            }

            _text.AppendLine(CultureInfo.InvariantCulture, $"(local.set $op (i32.add (i32.mul (local.get $op) (i32.const 5)) {Value("i32", 1)}))");
            _text.AppendLine(_random.Next(8) switch
            {
                0 => string.Create(CultureInfo.InvariantCulture, $"(return {Value("i64", 2)})"),
                1 => "(br $stop)",
                2 => string.Empty,
                _ => "(br $next)",
            });
        }

        _text.AppendLine("))");
        _text.AppendLine("(local.get $i640)");
        for (int i = 0; i < LocalsPerType; i++)
        {
            _text.AppendLine(CultureInfo.InvariantCulture, $"(i64.add (i64.mul (i64.const 31)) (local.get $i64{i}))");
            _text.AppendLine(CultureInfo.InvariantCulture, $"(i64.xor (i64.extend_i32_s (local.get $i32{i})))");
            _text.AppendLine(CultureInfo.InvariantCulture, $"(i64.add (i64.trunc_sat_f64_s (local.get $f64{i})))");
            _text.AppendLine(CultureInfo.InvariantCulture, $"(i64.xor (i64.trunc_sat_f32_s (local.get $f32{i})))");
        }

        return _text.AppendLine("))").ToString();
    }

    private void Statement(int depth)
    {
        string type = Types[_random.Next(4)];
        switch (depth == 0 ? _random.Next(4) : _random.Next(10))
        {
            case 0:
                _text.AppendLine(CultureInfo.InvariantCulture, $"({type}.store offset={_random.Next(64)} (i32.and {Value("i32", 1)} (i32.const 0xFF0)) {Value(type, 2)})");
                break;
            case 4:
                _text.AppendLine(CultureInfo.InvariantCulture, $"(if {Value("i32", 2)} (then");
                Statements(depth);
                if (_random.Next(2) == 0)
                {
                    _text.AppendLine(") (else");
                    Statements(depth);
                }

                _text.AppendLine("))");
                break;
            case 5:
                _text.AppendLine("(block");
                Statements(depth);
                _text.AppendLine(CultureInfo.InvariantCulture, $"(br_if 0 {Value("i32", 2)})");
                Statements(depth);
                _text.AppendLine(")");
                break;
            case 6:
                _text.AppendLine(CultureInfo.InvariantCulture, $"(local.set $k (i32.const {1 + _random.Next(3)})) (loop");
                Statements(0);
                _text.AppendLine("(br_if 0 (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))");
                break;
            case 7:
                _text.AppendLine(CultureInfo.InvariantCulture, $"(local.set $i64{_random.Next(LocalsPerType)} (call $mix {Value("i32", 2)} {Value("i64", 2)}))");
                break;
            case 8 when _random.Next(4) == 0:
                _text.AppendLine(CultureInfo.InvariantCulture, $"(br_if ${(_random.Next(2) == 0 ? "next" : "stop")} (i32.eqz (i32.and {Value("i32", 1)} (i32.const 15))))");
                break;
            default:
                _text.AppendLine(CultureInfo.InvariantCulture, $"(local.set ${type}{_random.Next(LocalsPerType)} {Value(type, 3)})");
                break;
        }
    }

    private void Statements(int depth)
    {
        for (int n = 1 + _random.Next(3); n > 0; n--)
        {
            Statement(Math.Max(0, depth - 1));
        }
    }

    private string Value(string type, int depth)
    {
        bool isInteger = type[0] == 'i';
        return (depth == 0 ? _random.Next(2) : _random.Next(6)) switch
        {
            0 => string.Create(CultureInfo.InvariantCulture, $"(local.get ${type}{_random.Next(LocalsPerType)})"),
            1 => string.Create(CultureInfo.InvariantCulture, $"({type}.const {_random.Next(1_000)})"),
            2 when isInteger => string.Create(CultureInfo.InvariantCulture, $"({type}.load offset={_random.Next(64)} (i32.and {Value("i32", depth - 1)} (i32.const 0xFF8)))"),

            // Not loaded as such: which bits a NaN has after an operation is not the same everywhere.
            2 => string.Create(CultureInfo.InvariantCulture, $"({type}.convert_i32_s {Value("i32", depth - 1)})"),
            int operation => string.Create(
                CultureInfo.InvariantCulture,
                $"({type}.{(isInteger ? operation == 3 ? "mul" : "sub" : operation == 3 ? "min" : "add")} {Value(type, depth - 1)} {Value(type, depth - 1)})"),
        };
    }
}
