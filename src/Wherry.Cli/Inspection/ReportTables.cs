using System.Globalization;
using Spectre.Console;
using Wherry.Cli.Output;
using TextTable = Spectre.Console.Table;

namespace Wherry.Cli.Inspection;

/// <summary>Writes a report as tables, for people.</summary>
internal static class ReportTables
{
    // Tables that are piped into a file or another program are not folded.
    private const int RedirectedWidth = 200;

    public static void Write(ModuleReport report)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = Terminal.HasColors(Console.IsOutputRedirected) ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = Terminal.HasColors(Console.IsOutputRedirected) ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(Console.Out),
        });
        if (Console.IsOutputRedirected)
        {
            console.Profile.Width = RedirectedWidth;
        }

        TextTable summary = New("", "");
        summary.HideHeaders();
        Add(summary, "file", report.Path);
        Add(summary, "size", Number(report.Size) + " bytes");
        Add(summary, "kind", report.Kind switch
        {
            "command" => "command: it runs by itself (_start)",
            "reactor" => "reactor: it is initialized (_initialize), then called; see --reactor and --invoke",
            _ => "library: its functions are called with --invoke",
        });
        Add(summary, "functions", Number(report.Functions));
        Add(summary, "globals", Number(report.Globals));
        Add(summary, "memories", report.Memories.Count == 0 ? "none" : string.Join(", ", report.Memories.Select(Describe)));
        Add(summary, "tables", report.Tables.Count == 0 ? "none" : string.Join(", ", report.Tables.Select(table => $"{table.ElementType} {table.Minimum}..{table.Maximum}")));
        Add(summary, "features used", report.Features.Count == 0 ? "none beyond WebAssembly 1.0" : string.Join(", ", report.Features));
        console.Write(summary);

        TextTable capabilities = New("will ask for", "given by", "shown by the imports");
        foreach (Capability capability in report.Capabilities)
        {
            Add(capabilities, capability.Name, capability.Advice.Length > 0 ? capability.Advice : "always there", string.Join(", ", capability.Imports));
        }

        Write(console, capabilities);

        TextTable imports = New("imports from", "name", "type");
        foreach (ModuleImport import in report.Imports)
        {
            Add(imports, import.Module, import.Name, import.Type.ToString());
        }

        Write(console, imports);

        TextTable exports = New("exports", "type");
        foreach (ModuleExport export in report.Exports)
        {
            Add(exports, export.Name, export.Type.ToString());
        }

        Write(console, exports);

        TextTable sections = New("section", "offset", "bytes");
        foreach (Section section in report.Sections)
        {
            Add(sections, section.IsCustom ? $"custom \"{section.Name}\"" : section.Name, "0x" + section.Offset.ToString("x", CultureInfo.InvariantCulture), Number(section.Size));
        }

        Write(console, sections);
    }

    private static string Describe(MemoryType memory)
    {
        string limits = memory.Maximum is { } maximum ? $"{memory.Minimum} to {maximum} pages" : $"{memory.Minimum} pages or more";
        return limits + (memory.PageSizeLog2 == 16 ? " of 64 KiB" : $" of {1 << memory.PageSizeLog2} bytes")
            + (memory.Is64Bit ? ", 64-bit" : "") + (memory.IsShared ? ", shared" : "");
    }

    private static string Number(int value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static TextTable New(params string[] columns)
    {
        var table = new TextTable { Border = TableBorder.Rounded };
        foreach (string column in columns)
        {
            table.AddColumn(new TableColumn(new Spectre.Console.Text(column, new Style(decoration: Decoration.Bold))));
        }

        return table;
    }

    // As Text, never as markup: names are the module's.
    private static void Add(TextTable table, params string[] cells) => table.AddRow(cells.Select(cell => new Spectre.Console.Text(Terminal.CleanName(cell))));

    private static void Write(IAnsiConsole console, TextTable table)
    {
        if (table.Rows.Count > 0)
        {
            console.Write(table);
        }
    }
}
