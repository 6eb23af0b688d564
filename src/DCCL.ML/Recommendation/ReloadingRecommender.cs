using Microsoft.ML;

namespace DCCL.ML.Recommendation;

/// <summary>A recommender of the model in a file, and of the next one when the file has changed: what a service holds for all of its life.</summary>
/// <remarks>
/// <para>
/// A changed file is loaded in the background and then takes over at once; calls that are under way end with the model that they began
/// with. A file that cannot be loaded, because it is still being written say, changes nothing.
/// </para>
/// <para>
/// What was observed of users, and who was forgotten, goes on to the next model. Observed items that the model was trained with
/// count once: it is their sequence at the end of what it remembers that tells.
/// </para>
/// <para>Thread-safe. Owns a recommender and a timer: dispose it at the end. It waits for no call; each of them ends well.</para>
/// </remarks>
/// <example>
/// <code>
/// builder.Services.AddDeviceCloudRecommender("model.zip");
/// app.MapGet("/users/{user}/items", (string user, ReloadingRecommender recommender) =>
///     recommender.Use(current => current.Recommend(user, numberOfItems: 10)));
/// </code>
/// </example>
public sealed partial class ReloadingRecommender : IDisposable
{
    private readonly MLContext _context;
    private readonly Options _options;
    private readonly UserObservations _observations = new();
    private readonly Lock _reloadLock = new();
    private readonly Lock _lock = new();
    private readonly Timer _timer;
    private (DateTime Time, long Length) _stamp;
    private Lease? _current;
    private int _version;

    /// <summary>Loads the model.</summary>
    /// <param name="context">Loads models.</param>
    /// <param name="modelFile">The path of a file that <c>mlContext.Model.Save</c> wrote, with a DCCL transformer inside.</param>
    /// <param name="options">The options; null for the defaults.</param>
    /// <exception cref="ArgumentException">The file has no DCCL transformer, or an option is out of range.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public ReloadingRecommender(MLContext context, string modelFile, Options? options = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentException.ThrowIfNullOrEmpty(modelFile);
        _context = context;
        ModelFile = Path.GetFullPath(modelFile);
        _options = options ?? new Options();
        _options.Validate();
        _stamp = GetStamp();
        _current = Load();
        _timer = new Timer(_ => ReloadInBackground(), null, _options.PollingInterval, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Gets the path of the model's file.</summary>
    public string ModelFile { get; }

    /// <summary>Gets the number of the model in use: 1 for the first one, and one more with each that has taken over.</summary>
    public int Version => Volatile.Read(ref _version);

    /// <summary>Calls the recommender of the present model, which stays what it is until the call has ended.</summary>
    /// <typeparam name="TResult">What the call gives.</typeparam>
    /// <param name="call">The call. It must not keep the recommender.</param>
    /// <returns>What the call gave.</returns>
    /// <exception cref="ObjectDisposedException">This has been disposed.</exception>
    public TResult Use<TResult>(Func<Recommender, TResult> call)
    {
        ArgumentNullException.ThrowIfNull(call);
        Lease lease;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_current is null, this);
            lease = _current;
            lease.NumberOfHolders++;
        }

        try
        {
            return call(lease.Recommender);
        }
        finally
        {
            Release(lease);
        }
    }

    /// <summary>Loads the file if it has changed since it was last loaded or tried.</summary>
    /// <returns>Whether another model has taken over.</returns>
    /// <exception cref="Exception">The file has changed, but cannot be loaded. The old model goes on serving.</exception>
    public bool Reload()
    {
        lock (_reloadLock)
        {
            (DateTime Time, long Length) stamp = GetStamp();
            if (stamp == _stamp || Volatile.Read(ref _current) is null)
            {
                return false;
            }

            _stamp = stamp; // before it is read: whatever is written while it is read counts as another change
            Replace(Load());
            return true;
        }
    }

    /// <summary>Stops looking at the file, and closes the recommender after the calls that are under way.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        Replace(null);
    }

    private (DateTime Time, long Length) GetStamp()
    {
        FileInfo file = new(ModelFile);
        return file.Exists ? (file.LastWriteTimeUtc, file.Length) : default;
    }

    private Lease Load()
    {
        ITransformer model = _context.Model.Load(ModelFile, out _);
        using IDisposable? owned = model as IDisposable;
        Recommender recommender = new(model.DeviceCloudModel(), _observations, _options.NumberOfThreads);
        Interlocked.Increment(ref _version);
        return new Lease(recommender);
    }

    private void Replace(Lease? next)
    {
        Lease? previous;
        lock (_lock)
        {
            previous = _current;
            bool isDisposed = previous is null;
            _current = isDisposed ? null : next;
            previous ??= next; // disposed of while it was loaded
        }

        if (previous is not null)
        {
            Release(previous);
        }
    }

    private void Release(Lease lease)
    {
        bool isLast;
        lock (_lock)
        {
            isLast = --lease.NumberOfHolders == 0;
        }

        if (isLast)
        {
            lease.Recommender.Dispose();
        }
    }

    private void ReloadInBackground()
    {
        try
        {
            if (Reload())
            {
                _options.Reloaded?.Invoke(Version);
            }
        }
        catch (Exception fault)
        {
            _options.ReloadFailed?.Invoke(fault); // whatever is wrong with the file: the service goes on with the old model
        }

        try
        {
            _timer.Change(_options.PollingInterval, Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // Disposed while the file was loaded.
        }
    }

    /// <summary>A recommender and the number of those who hold it: its place as the present one, and each call under way.</summary>
    private sealed class Lease(Recommender recommender)
    {
        public Recommender Recommender { get; } = recommender;

        public int NumberOfHolders { get; set; } = 1;
    }
}
