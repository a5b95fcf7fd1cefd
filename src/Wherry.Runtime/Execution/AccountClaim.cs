namespace Wherry.Execution;

/// <summary>
/// What an instance or a table took of its store's limits, given back when nothing references it any more. An object of its own, since one that has a finalizer takes longer
/// to make.
/// </summary>
/// <param name="account">The store's account.</param>
/// <param name="isInstance">Whether it is an instance.</param>
internal sealed class AccountClaim(ResourceAccount account, bool isInstance = false)
{
    ~AccountClaim()
    {
        account.ReturnElements(Elements);
        if (isInstance)
        {
            account.ReturnInstance();
        }
    }

    /// <summary>How many elements of tables.</summary>
    public ulong Elements { get; set; }
}
