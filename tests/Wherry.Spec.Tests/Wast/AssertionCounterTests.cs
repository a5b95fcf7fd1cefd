namespace Wherry.Spec.Tests.Wast;

public class AssertionCounterTests
{
    [Theory]
    [InlineData("", 0)]
    [InlineData("(assert_return (invoke \"f\"))(assert_trap (invoke \"f\") \"x\")", 2)]
    [InlineData(";; (assert_return)\n( assert_invalid)", 1)]
    [InlineData("(; (assert_return) (; ;) (assert_trap) ;)(assert_trap)", 1)]
    [InlineData("(module quote \"(assert_return)\\\"(assert_return)\")(assert_trap)", 1)]
    public void Assertions_outside_of_comments_and_strings_are_counted(string text, int count) =>
        Assert.Equal(count, AssertionCounter.Count(text));
}
