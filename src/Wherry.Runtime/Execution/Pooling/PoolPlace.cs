namespace Wherry.Execution.Pooling;

/// <summary>A pooled instance's place among those in use: given back with its store, or when nothing references the store any more.</summary>
internal sealed class PoolPlace(InstancePool pool) : IDisposable
{
    private int _isGivenBack;

    ~PoolPlace() => GiveBack();

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        GiveBack();
    }

    private void GiveBack()
    {
        if (Interlocked.Exchange(ref _isGivenBack, 1) == 0)
        {
            pool.GivePlaceBack();
        }
    }
}
