using System.Reflection;

namespace Wherry.Compilation.Outlining;

/// <summary>How a function is divided into methods, and which of them is written.</summary>
/// <param name="Regions">What is taken out, in order.</param>
/// <param name="Region">The one that is written, or null for what is left of the function.</param>
/// <param name="GetMethod">Gives a region's method, or null where nothing is generated.</param>
internal sealed record FunctionOutline(OutlinedRegion[] Regions, OutlinedRegion? Region, Func<OutlinedRegion, MethodInfo?> GetMethod);
