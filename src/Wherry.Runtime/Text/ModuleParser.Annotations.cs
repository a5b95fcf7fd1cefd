namespace Wherry.Text;

// Annotations that have a meaning: names, custom sections, branch hints (specification, appendix "Custom Sections and Annotations").
internal sealed partial class ModuleParser
{
    private const string BranchHintName = "metadata.code.branch_hint";

    private static readonly string[] SectionNames =
        ["type", "import", "func", "table", "memory", "global", "export", "start", "elem", "code", "data", "datacount", "tag"];

    /// <summary>The annotations that stand before the token at <paramref name="index"/>.</summary>
    private IEnumerable<Annotation> AnnotationsBefore(int index)
    {
        Annotation[] all = at.Source.Annotations;
        int low = 0;
        int high = all.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (all[middle].TokenIndex < index)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        for (; low < all.Length && all[low].TokenIndex == index; low++)
        {
            yield return all[low];
        }
    }

    /// <summary>The name that <c>(@name "…")</c> gives here, if there is one.</summary>
    private string? TryNameAnnotation()
    {
        if (at.Source.Annotations.Length == 0)
        {
            return null;
        }

        string? name = null;
        foreach (Annotation annotation in AnnotationsBefore(at.Position))
        {
            if (annotation.Name != "name" || annotation.IsTaken)
            {
                continue;
            }

            if (name is not null)
            {
                throw at.Source.Error(annotation.Offset, "@name annotation: multiple module or field names");
            }

            annotation.IsTaken = true;
            hasNameAnnotation = true;
            if (annotation.Content.Length != 2 || annotation.Content[0].Kind != TokenKind.String)
            {
                throw at.Source.Error(annotation.Offset, "@name annotation: unexpected token, expected one string");
            }

            name = TextStrings.TryDecodeName(at.Source.Text(annotation.Content[0]))
                ?? throw at.Source.Error(annotation.Content[0], "@name annotation: malformed UTF-8 encoding");
        }

        return name;
    }

    /// <summary>Takes the custom sections that stand before a field or the end of the module.</summary>
    private void TakeCustomSections()
    {
        if (at.Source.Annotations.Length == 0)
        {
            return;
        }

        foreach (Annotation annotation in AnnotationsBefore(at.Position))
        {
            if (annotation.Name == "custom" && !annotation.IsTaken)
            {
                annotation.IsTaken = true;
                ReadCustom(annotation);
            }
        }
    }

    private void ReadCustom(Annotation annotation)
    {
        var content = new TokenCursor(at.Source, annotation.Content);
        if (!content.Is(TokenKind.String))
        {
            throw at.Source.Error(annotation.Offset, "@custom annotation: missing section name");
        }

        string name = TextStrings.TryDecodeName(at.Source.Text(content.Current))
            ?? throw at.Source.Error(content.Current, "@custom annotation: malformed UTF-8 encoding");
        content.Position++;

        byte section = 255;
        bool isBefore = false;
        if (content.Is(TokenKind.LeftParenthesis))
        {
            content.Position++;
            isBefore = content.IsKeyword("before"u8);
            if (!isBefore && !content.IsKeyword("after"u8))
            {
                throw at.Source.Error(content.Current, "@custom annotation: malformed placement, expected (before …) or (after …)");
            }

            content.Position++;
            section = SectionOf(content, isBefore);
            content.Position++;
            content.Close();
        }

        var bytes = new ByteWriter();
        content.Strings(bytes);
        if (!content.Is(TokenKind.End))
        {
            throw at.Source.Error(content.Current, "@custom annotation: unexpected token");
        }

        encoder.AddCustom(name, bytes.Written.ToArray(), section, isBefore);
    }

    private byte SectionOf(TokenCursor content, bool isBefore)
    {
        string word = content.Is(TokenKind.Keyword) ? at.Source.Show(content.Current) : "";
        if (word == "first")
        {
            return isBefore ? (byte)0 : (byte)1;
        }

        if (word == "last")
        {
            return 255;
        }

        int index = Array.IndexOf(SectionNames, word);
        return index >= 0 ? (byte)(index + 1) : throw at.Source.Error(content.Current, "@custom annotation: malformed section kind");
    }

    /// <summary>The branch hint that stands before the current instruction, or -1.</summary>
    private int TryBranchHint(bool isBranch)
    {
        if (at.Source.Annotations.Length == 0)
        {
            return -1;
        }

        int hint = -1;
        foreach (Annotation annotation in AnnotationsBefore(at.Position))
        {
            if (annotation.Name != BranchHintName || annotation.IsTaken)
            {
                continue;
            }

            if (hint >= 0)
            {
                throw at.Source.Error(annotation.Offset, $"@{BranchHintName} annotation: duplicate annotation");
            }

            if (!isBranch)
            {
                throw at.Source.Error(annotation.Offset, $"@{BranchHintName} annotation: invalid target, expected if or br_if");
            }

            annotation.IsTaken = true;
            var content = new TokenCursor(at.Source, annotation.Content);
            var bytes = new ByteWriter();
            content.Strings(bytes);
            if (!content.Is(TokenKind.End) || bytes.Length != 1 || bytes.Written[0] > 1)
            {
                throw at.Source.Error(annotation.Offset, $"@{BranchHintName} annotation: unexpected token, expected \"\\00\" or \"\\01\"");
            }

            hint = bytes.Written[0];
        }

        return hint;
    }

    /// <summary>Every annotation within the module that nobody has taken stands in a wrong place.</summary>
    private void CheckAnnotations()
    {
        TakeCustomSections();
        foreach (Annotation annotation in at.Source.Annotations)
        {
            if (annotation.TokenIndex >= firstToken && annotation.TokenIndex <= at.Position && !annotation.IsTaken)
            {
                throw at.Source.Error(
                    annotation.Offset,
                    annotation.Name == BranchHintName ? $"@{BranchHintName} annotation: not in a function" : $"misplaced @{annotation.Name} annotation");
            }
        }
    }
}
