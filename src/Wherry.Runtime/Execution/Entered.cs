namespace Wherry.Execution;

/// <summary>How a call has entered a store.</summary>
internal enum Entered
{
    /// <summary>By the store's bias, with no other call of the thread below it.</summary>
    Outermost = 0,

    /// <summary>By the store's bias, within another call.</summary>
    Nested = 1,

    /// <summary>With all that belongs to an entry.</summary>
    Unbiased = 2,
}
