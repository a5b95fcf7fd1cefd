using System.Collections.Immutable;
using System.Diagnostics;
using System.Reflection;
using Wherry.Compilation;
using Wherry.Compilation.Inlining;
using Wherry.Instructions;

namespace Wherry.Diagnostics;

/// <summary>Finds the guest's calls in the stack trace of an exception.</summary>
internal static class GuestStackWalker
{
    // A guest that used its stack up has a hundred thousand.
    private const int MaximumFrames = 100;

    /// <summary>
    /// Whether the exception was thrown by guest code, or by what it calls to do the work of an instruction, rather than by a host function.
    /// </summary>
    public static bool IsThrownByGuest(StackTrace trace)
    {
        foreach (StackFrame frame in trace.GetFrames())
        {
            MethodBase? method = frame.GetMethod();
            if (method is null || IsPartOfInstruction(method))
            {
                continue;
            }

            return GuestCode.IsGuest(frame);
        }

        return false;
    }

    /// <summary>The guest's calls, innermost first.</summary>
    /// <param name="search">What is known of the instruction in the innermost.</param>
    /// <param name="innermost">The place of the innermost.</param>
    public static ImmutableArray<GuestStackFrame> Walk(StackTrace trace, PlaceSearch search, out GuestLocation? innermost)
    {
        innermost = null;
        ImmutableArray<GuestStackFrame>.Builder frames = ImmutableArray.CreateBuilder<GuestStackFrame>();
        bool isInRegion = false;
        GuestLocation? callee = null;
        bool isCall = false;
        foreach (StackFrame frame in trace.GetFrames())
        {
            if (GuestCode.TryLocate(frame, isCall ? new CallSearch(callee) : search, out GuestLocation location))
            {
                isCall = true;
                callee = location;
                for (InlinedCall? call = location.Call; call is not null; call = call.Outer)
                {
                    // The frame is that of the function that all the others were inlined into.
                    callee = location with { FunctionIndex = call.Caller };
                }

                if (isInRegion)
                {
                    // The region's frame stands for the whole function.
                    isInRegion = false;
                    continue;
                }

                isInRegion = location.IsRegion;
                innermost ??= location;
                frames.Add(location.Module.DebugInformation.Describe(location));
                for (InlinedCall? call = location.Call; call is not null; call = call.Outer)
                {
                    if (!call.IsTail)
                    {
                        frames.Add(location.Module.DebugInformation.Describe(new GuestLocation(location.Module, call.Caller, call.Offset)));
                    }
                }

                if (frames.Count >= MaximumFrames)
                {
                    break;
                }
            }
            else if (frame.GetMethod() is { } method && !IsPartOfInstruction(method))
            {
                // The host's: the guest's next frame called an import, through a table maybe.
                isCall = true;
                callee = null;
            }
        }

        return frames.ToImmutable();
    }

    /// <summary>The guest's functions on a stack, the outermost first; those that were inlined are not among them.</summary>
    public static List<(CompiledModule Code, int Function)> FindFunctions(StackTrace trace)
    {
        var functions = new List<(CompiledModule, int)>();
        bool isInRegion = false;
        foreach (StackFrame frame in trace.GetFrames())
        {
            if (frame.GetMethod() is { } method && CompiledModules.TryFind(method, out CompiledModule? code, out int function, out int region))
            {
                // A region's frame stands for the whole function.
                if (!isInRegion)
                {
                    functions.Add((code, function));
                }

                isInRegion = region >= 0;
            }
        }

        functions.Reverse();
        return functions;
    }

    /// <summary>The bytes that the instruction at a place reads or writes, or null if it is not one that accesses a memory.</summary>
    public static int? FindAccessSize(GuestLocation location)
    {
        ReadOnlySpan<byte> bytes = location.Module.Definition.Bytes.Span;
        if (location.Offset < 0 || location.Offset >= bytes.Length)
        {
            return null;
        }

        var reader = new InstructionReader(bytes, location.Offset, bytes.Length);
        return reader.Next() && reader.Instruction.AccessLog2 >= 0 ? 1 << reader.Instruction.AccessLog2 : null;
    }

    // The CLR's own helpers that throw (for an array's bounds, say), and the methods that compiled code calls.
    private static bool IsPartOfInstruction(MethodBase method)
    {
        Type? type = method.DeclaringType;
        return type is not null
            && ((type.Assembly == typeof(object).Assembly && type.Name is "ThrowHelpers" or "Interlocked")
                || (type.Assembly == typeof(Store).Assembly && type.Namespace is string name && name.StartsWith("Wherry.Execution", StringComparison.Ordinal)));
    }
}
