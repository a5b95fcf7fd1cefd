using Wherry.Binary;
using Wherry.Instructions;

namespace Wherry.Compilation.Outlining;

/// <summary>
/// Decides which stretches of a function become methods of their own where the whole would be more than RyuJIT optimizes. Interpreters are such functions: the
/// cases of their dispatch are taken out, the largest first, until what is left fits; the small ones, which run most often, stay where they are.
/// </summary>
internal sealed class OutlinePlanner
{
    private static readonly double[] MaximumShares = [0.9, 0.75, 0.6];

    private const int MaximumInputs = 32;
    private const int MaximumOutputs = 16;

    // What leaves by more ways is the dispatch itself.
    private const int MaximumExits = 8;

    // Liveness takes time and memory by the product of locals and blocks.
    private const long MaximumLivenessBits = 1 << 26;

    private readonly ModuleDefinition _definition;
    private readonly FunctionBody _body;
    private readonly FunctionType _type;
    private readonly WasmValueType[] _locals;

    private OutlinePlanner(ModuleDefinition definition, int function)
    {
        _definition = definition;
        _body = definition.Bodies[function - definition.ImportedFunctionCount];
        _type = definition.Functions[function].Function!;
        _locals = [.. _type.Parameters, .. _body.Locals.SelectMany(run => Enumerable.Repeat(run.Type, run.Count))];
    }

    /// <summary>The regions to take out of a function, in their order; none if the JIT optimizes it as it is, or if nothing can be done.</summary>
    /// <exception cref="FunctionTooLargeException">It does not fit into a method.</exception>
    public static OutlinedRegion[] Plan(ICodeTarget module, int function)
    {
        var points = new List<EmissionPoint>();
        var trial = new IlWriter(null);
        new FunctionEmitter(module, function, trial) { Points = points }.Emit();
        double whole = 1.0 / module.Options.DivisionFactor;
        if (trial.CodeSize.Share <= whole)
        {
            return [];
        }

        var planner = new OutlinePlanner(module.Definition, function);
        if (!planner.CanBeSplit(points))
        {
            return [];
        }

        // What will be left can't be foreseen exactly: if it is too much, more is taken out.
        StatementBlock root = StatementBlock.Build(module.Definition, points);
        OutlinedRegion[] regions = [];
        foreach (double share in MaximumShares)
        {
            regions = planner.Choose(root, trial.CodeSize, share * whole);
            var rest = new IlWriter(null);
            new FunctionEmitter(module, function, rest, new FunctionOutline(regions, null, _ => null)).Emit();
            if (rest.CodeSize.Share <= whole)
            {
                break;
            }
        }

        return regions;
    }

    // Handlers see locals as they were when an exception was thrown, which a region would not give back. Those in code that is never reached count too: what follows reads over all of it.
    private bool CanBeSplit(List<EmissionPoint> points)
    {
        var reader = new InstructionReader(_definition.Bytes.Span, _body.CodeOffset, _body.End);
        while (reader.Next())
        {
            if (reader.Opcode is Opcode.Try or Opcode.TryTable)
            {
                return false;
            }
        }

        return (long)points[^1].Block * _locals.Length <= MaximumLivenessBits;
    }

    private OutlinedRegion[] Choose(StatementBlock root, CodeSize size, double maximumShare)
    {
        // The largest first, those in fewer loops before.
        var candidates = new PriorityQueue<OutlineCandidate, (int LoopDepth, int Size)>();
        foreach (OutlineCandidate candidate in OutlineCandidate.Find(root))
        {
            candidates.Enqueue(candidate, candidate.Priority);
        }

        OutlineCandidate[] all = OutlineCandidate.FindAll(root);
        SortedSet<int> places = [.. all.SelectMany(candidate => new[] { candidate.Start, candidate.End })];
        if ((long)places.Count * _locals.Length > MaximumLivenessBits
            || LocalLiveness.Analyze(_definition, _body, _locals.Length, [.. places]) is not { } liveness)
        {
            return [];
        }

        Dictionary<int, OuterBlocks> outer = OuterBlocks.Find(_definition, _body, _type, [.. all.Select(candidate => candidate.Start)]);
        var chosen = new List<OutlinedRegion>();
        while (size.Share > maximumShare && candidates.TryDequeue(out OutlineCandidate? candidate, out _))
        {
            if (TryMakeRegion(candidate, outer[candidate.Start], liveness, chosen.Count) is { } region)
            {
                int values = region.Inputs.Length + (3 * region.Outputs.Length);
                size = size - candidate.Size + new CodeSize(20 + (4 * values), 8 + values, 2 + values, 2 + region.Exits.Length);
                chosen.Add(region);
                continue;
            }

            foreach (OutlineCandidate part in candidate.Parts())
            {
                candidates.Enqueue(part, part.Priority);
            }
        }

        return [.. chosen.OrderBy(region => region.Start)];
    }

    private OutlinedRegion? TryMakeRegion(OutlineCandidate candidate, OuterBlocks outer, LocalLiveness liveness, int number)
    {
        RegionBoundary boundary = RegionBoundary.Find(_definition, candidate.Start, candidate.End, outer.Carried, _locals.Length);
        if (boundary.IsFixed)
        {
            return null;
        }

        List<int> exits = [.. boundary.Exits];
        var read = new LocalSet(_locals.Length);
        foreach (int exit in exits)
        {
            read.UnionWith(liveness.AtLabel(outer.Blocks[exit]));
        }

        if (candidate.FallsThrough)
        {
            exits.Insert(0, OutlinedRegion.FallThrough);
            read.UnionWith(liveness.At(candidate.End));
        }

        // What is given back on one way and not written there must come in, and is live here for that reason.
        LocalSet inputs = boundary.Used;
        inputs.IntersectWith(liveness.At(candidate.Start));
        read.IntersectWith(boundary.Written);
        int[] outputs = read.ToArray();
        bool returnsResult = _type.Results.Length > 0 && boundary.Exits.Contains(OutlinedRegion.Return);
        var results = new List<WasmValueType>();
        if (returnsResult)
        {
            results.AddRange(_type.Results);
        }

        results.AddRange(outputs.Select(local => _locals[local]));
        if (exits.Count > 1)
        {
            results.Add(WasmValueType.I32);
        }

        int[] parameters = inputs.ToArray();
        return parameters.Length > MaximumInputs || results.Count > MaximumOutputs || exits.Count > MaximumExits ? null : new OutlinedRegion
        {
            Number = number,
            Start = candidate.Start,
            End = candidate.End,
            FirstBlock = candidate.FirstBlock,
            BlockCount = candidate.BlockCount,
            Depth = outer.Blocks.Length,
            Inputs = parameters,
            Outputs = outputs,
            Exits = [.. exits],
            Type = new FunctionType(parameters.Select(local => _locals[local]), results),
            ReturnsResult = returnsResult,
        };
    }
}
