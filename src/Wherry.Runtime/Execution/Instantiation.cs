namespace Wherry.Execution;

internal static class Instantiation
{
    public static void Instantiate(Instance instance, ResolvedImports imports) => throw new NotImplementedException($"{instance}{imports}");
}
