namespace Wherry.Spec.Tests.Wast;

public class RecursiveTypeTests
{
    [Fact]
    public void A_type_that_contains_itself_can_be_shown()
    {
        byte[] bytes = WatConverter.ToBinary("""(module (type $f (func (param (ref null $f)) (result (ref null $f)))) (func (export "f") (type $f) local.get 0))""");
        using var engine = new Engine();
        string shown = Module.Load(engine, bytes).Exports[0].Type.ToString();
        Assert.Contains("ref null function#", shown, StringComparison.Ordinal);
    }
}
