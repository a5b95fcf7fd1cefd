using Wherry.Binary;
using Wherry.Types;

namespace Wherry.Validation;

/// <summary>Validates a decoded module (specification, 3.5). Function bodies are validated by several threads at once.</summary>
internal sealed class ModuleValidator
{
    // Less code than this is validated faster than a second thread starts.
    private const int ParallelThreshold = 256 * 1024;

    private readonly ModuleDefinition _module;
    private readonly ValidationContext _context;
    private readonly FeatureSet _features;

    private ModuleValidator(ModuleDefinition module, WasmFeatures features, ModuleLimits limits)
    {
        _module = module;
        _context = new ValidationContext(module, features, limits);
        _features = new FeatureSet(features);
    }

    /// <summary>Checks all rules, and completes <see cref="ModuleDefinition.FeaturesUsed"/>.</summary>
    /// <exception cref="ModuleException">The first rule that is broken.</exception>
    public static void Validate(ModuleDefinition module, WasmFeatures features, ModuleLimits limits)
    {
        var validator = new ModuleValidator(module, features, limits);
        validator.Validate();
        module.FeaturesUsed |= validator._features.Used;
    }

    private void Validate()
    {
        TypeValidation.Validate(_module);
        for (int i = 0; i < _module.Memories.Length; i++)
        {
            ValidateMemory(_module.Memories[i], _module.Offsets.Memories[i]);
        }

        ValidateTags();
        ValidateDefinitions();
        ValidateExports();
        ValidateStart();
        ValidateBodies();
    }

    private static void ValidateMemory(MemoryType memory, int offset)
    {
        // All addresses: 2^32 or 2^64 bytes, of which the specification allows all pages.
        int bits = (memory.Is64Bit ? 64 : 32) - memory.PageSizeLog2;
        ulong limit = bits == 64 ? ulong.MaxValue : 1UL << bits;
        string text = (bits, memory.PageSizeLog2) switch
        {
            (16, 16) => "65536 pages (4GiB)",
            (64, _) => "2^64-1 pages",
            _ => $"2^{bits} pages of {1L << memory.PageSizeLog2} bytes",
        };
        if (bits == 32)
        {
            // 2^32 pages of one byte can't be counted in an i32.
            limit = uint.MaxValue;
            text = "2^32-1 pages of one byte";
        }

        if (memory.Minimum > limit || memory.Maximum > limit)
        {
            InvalidModuleException.Throw($"memory size must be at most {text}: {Math.Max(memory.Minimum, memory.Maximum ?? 0)}", offset);
        }

        CheckLimits(memory.Minimum, memory.Maximum, offset);
        if (memory.IsShared && memory.Maximum is null)
        {
            InvalidModuleException.Throw("shared memory must have maximum", offset);
        }
    }

    private static void CheckLimits(ulong minimum, ulong? maximum, int offset)
    {
        if (minimum > maximum)
        {
            InvalidModuleException.Throw($"size minimum must not be greater than maximum: {minimum} and {maximum}", offset);
        }
    }

    private void ValidateTags()
    {
        for (int i = 0; i < _module.Tags.Length; i++)
        {
            if (_module.Tags[i].Function!.Results.Length > 0)
            {
                InvalidModuleException.Throw($"non-empty tag result type: tag {i} is {_module.Tags[i].Function}", _module.Offsets.Tags[i]);
            }
        }
    }

    /// <summary>Tables, globals and segments: all that has constant expressions.</summary>
    private void ValidateDefinitions()
    {
        var constants = new FunctionValidator(_context, _features);
        for (int i = 0; i < _module.Tables.Length; i++)
        {
            ValidateTable(i, ref constants);
        }

        for (int i = _module.ImportedGlobalCount; i < _module.Globals.Length; i++)
        {
            constants.ValidateConstant(_module.Globals[i].Initializer!.Value, _context.Globals[i].Type, i);
        }

        for (int i = 0; i < _module.Elements.Length; i++)
        {
            ValidateElements(i, ref constants);
        }

        for (int i = 0; i < _module.Data.Length; i++)
        {
            DataSegment segment = _module.Data[i];
            if (segment.Mode != SegmentMode.Active)
            {
                continue;
            }

            if ((uint)segment.MemoryIndex >= (uint)_module.Memories.Length)
            {
                InvalidModuleException.Throw($"unknown memory {segment.MemoryIndex} of data segment {i}", _module.Offsets.Data[i]);
            }

            constants.ValidateConstant(segment.OffsetExpression, _context.Memories[segment.MemoryIndex], _module.Globals.Length);
        }
    }

    private void ValidateTable(int index, ref FunctionValidator constants)
    {
        (TableType type, ConstantExpression? initializer) = _module.Tables[index];
        int offset = _module.Offsets.Tables[index];
        if (!type.Is64Bit && (type.Minimum > uint.MaxValue || type.Maximum > uint.MaxValue))
        {
            InvalidModuleException.Throw($"table size must be at most 2^32-1: {Math.Max(type.Minimum, type.Maximum ?? 0)}", offset);
        }

        CheckLimits(type.Minimum, type.Maximum, offset);
        if (initializer is { } expression)
        {
            constants.ValidateConstant(expression, _context.Tables[index].Element, _module.ImportedGlobalCount);
        }
        else if (!type.ElementType.IsDefaultable && index >= _module.ImportedTableCount)
        {
            InvalidModuleException.Throw($"type mismatch: table {index} of {type.ElementType} needs an initial value", offset);
        }
    }

    private void ValidateElements(int index, ref FunctionValidator constants)
    {
        ElementSegment segment = _module.Elements[index];
        int offset = _module.Offsets.Elements[index];
        if (segment.Mode == SegmentMode.Active)
        {
            if ((uint)segment.TableIndex >= (uint)_module.Tables.Length)
            {
                InvalidModuleException.Throw($"unknown table {segment.TableIndex} of element segment {index}", offset);
            }

            TableInfo table = _context.Tables[segment.TableIndex];
            if (!_context.Matches(_context.Elements[index], table.Element))
            {
                InvalidModuleException.Throw(
                    $"type mismatch: element segment {index} of {segment.Type} does not fit table {segment.TableIndex} of {_context.Describe(table.Element)}", offset);
            }

            constants.ValidateConstant(segment.OffsetExpression, table.Address, _module.Globals.Length);
        }

        foreach (int function in segment.Functions)
        {
            if ((uint)function >= (uint)_module.Functions.Length)
            {
                InvalidModuleException.Throw($"unknown function {function} in element segment {index}", offset);
            }
        }

        OperandType type = _context.Elements[index];
        foreach (ConstantExpression expression in segment.Expressions)
        {
            constants.ValidateConstant(expression, type, _module.Globals.Length);
        }
    }

    private void ValidateExports()
    {
        var names = new HashSet<string>(_module.Exports.Length, StringComparer.Ordinal);
        for (int i = 0; i < _module.Exports.Length; i++)
        {
            ExportDefinition export = _module.Exports[i];
            int offset = _module.Offsets.Exports[i];
            int count = export.Kind switch
            {
                ExternalKind.Function => _module.Functions.Length,
                ExternalKind.Table => _module.Tables.Length,
                ExternalKind.Memory => _module.Memories.Length,
                ExternalKind.Global => _module.Globals.Length,
                _ => _module.Tags.Length,
            };
            if ((uint)export.Index >= (uint)count)
            {
                InvalidModuleException.Throw(
                    $"unknown {export.Kind.ToString().ToLowerInvariant()} {export.Index}, exported as \"{export.Name}\": the module has {count}", offset);
            }

            if (!names.Add(export.Name))
            {
                InvalidModuleException.Throw($"duplicate export name \"{export.Name}\"", offset);
            }

            if (export.Kind == ExternalKind.Global && _module.Globals[export.Index].Type.IsMutable)
            {
                _features.Require(WasmFeatures.MutableGlobals, "The export of a mutable global", offset);
            }
        }
    }

    private void ValidateStart()
    {
        if (_module.Start is not { } start)
        {
            return;
        }

        if ((uint)start >= (uint)_module.Functions.Length)
        {
            InvalidModuleException.Throw($"unknown function {start} as start function", _module.Offsets.Start);
        }

        FunctionType type = _module.Functions[start].Function!;
        if (type.Parameters.Length > 0 || type.Results.Length > 0)
        {
            InvalidModuleException.Throw(
                $"start function must take and give nothing, but {_module.DescribeFunction(start)} is {type}", _module.Offsets.Start);
        }
    }

    private void ValidateBodies()
    {
        FunctionBody[] bodies = _module.Bodies;
        if (bodies.Length == 0)
        {
            return;
        }

        long size = bodies[^1].End - bodies[0].Offset;
        if (size < ParallelThreshold || Environment.ProcessorCount == 1)
        {
            ValidateBodies(0, bodies.Length, _features);
            return;
        }

        // Chunks of about equal size, several for each processor; the first error by position is the one that is reported.
        int[] chunks = Chunks(bodies, (int)Math.Min(size / (ParallelThreshold / 4), 8L * Environment.ProcessorCount));
        var errors = new ModuleException?[chunks.Length - 1];
        var used = new WasmFeatures[chunks.Length - 1];
        int firstError = int.MaxValue;
        _ = Parallel.For(0, chunks.Length - 1, chunk =>
        {
            if (chunk > Volatile.Read(ref firstError))
            {
                return;
            }

            var features = new FeatureSet(_features.Enabled);
            try
            {
                ValidateBodies(chunks[chunk], chunks[chunk + 1], features);
            }
            catch (ModuleException exception)
            {
                errors[chunk] = exception;
                Lower(ref firstError, chunk);
            }

            used[chunk] = features.Used;
        });

        if (Array.Find(errors, error => error is not null) is { } first)
        {
            throw first;
        }

        foreach (WasmFeatures features in used)
        {
            _features.Merge(features);
        }
    }

    private static int[] Chunks(FunctionBody[] bodies, int count)
    {
        long start = bodies[0].Offset;
        long size = bodies[^1].End - start;
        List<int> chunks = [0];
        for (int i = 1; i < bodies.Length; i++)
        {
            if (bodies[i].Offset - start >= size * chunks.Count / count)
            {
                chunks.Add(i);
            }
        }

        chunks.Add(bodies.Length);
        return [.. chunks];
    }

    private static void Lower(ref int target, int value)
    {
        int seen = Volatile.Read(ref target);
        while (value < seen)
        {
            int found = Interlocked.CompareExchange(ref target, value, seen);
            if (found == seen)
            {
                return;
            }

            seen = found;
        }
    }

    private void ValidateBodies(int from, int to, FeatureSet features)
    {
        var validator = new FunctionValidator(_context, features);
        for (int i = from; i < to; i++)
        {
            validator.ValidateBody(_module.ImportedFunctionCount + i);
        }
    }
}
