namespace DCCL.ML.Onnx;

/// <summary>The lifetime of what an owner and its calls under way share: closed by whoever lets go of it last.</summary>
/// <remarks>ONNX Runtime does not survive a run of a session that is closed meanwhile, or before. Thread-safe.</remarks>
/// <param name="owner">What messages say was disposed of.</param>
/// <param name="close">Closes it; called once.</param>
internal sealed class SharedLifetime(object owner, Action close)
{
    private int _numberOfHolders = 1; // the owner until it disposes, and every call that is under way
    private int _isDisposed;

    /// <summary>Keeps it open until <see cref="Release"/>, even if the owner disposes of it in the meantime.</summary>
    /// <exception cref="ObjectDisposedException">The owner has disposed of it.</exception>
    public void Hold()
    {
        int holders = Volatile.Read(ref _numberOfHolders);
        while (true)
        {
            ObjectDisposedException.ThrowIf(holders == 0 || Volatile.Read(ref _isDisposed) != 0, owner);
            int seen = Interlocked.CompareExchange(ref _numberOfHolders, holders + 1, holders);
            if (seen == holders)
            {
                return;
            }

            holders = seen;
        }
    }

    /// <summary>Ends a <see cref="Hold"/>.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _numberOfHolders) == 0)
        {
            close();
        }
    }

    /// <summary>Ends the owner's own hold.</summary>
    /// <returns>Whether this was the first time.</returns>
    public bool Dispose()
    {
        bool isFirst = Interlocked.Exchange(ref _isDisposed, 1) == 0;
        if (isFirst)
        {
            Release();
        }

        return isFirst;
    }
}
