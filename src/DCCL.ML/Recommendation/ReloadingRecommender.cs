using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace DCCL.ML.Recommendation;

/// <summary>A recommender of the model in a file, and of the next one when the file has changed: what a service holds for all of its life.</summary>
/// <remarks>
/// <para>
/// A changed file is loaded in the background and then takes over at once; calls that are under way end with the model that they began
/// with. A file that cannot be loaded changes nothing: one that cannot be opened, because it is still being written say, is tried again
/// each time it is looked at, and one that is no model when it has changed again. The log of the context says so, and when a model has taken
/// over.
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
    private readonly UserObservations _observations;
    private readonly Lock _reloadLock = new();
    private readonly Lock _lock = new();
    private readonly Timer _timer;
    private (DateTime Time, long Length) _stamp;
    private Lease? _current;
    private int _version;
    private string? _waitsBecause;

    /// <summary>Loads the model.</summary>
    /// <param name="context">Loads models, and has the log that says so.</param>
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
        _observations = new UserObservations(_options.Observations);
        _stamp = GetStamp();
        _current = Load();
        _version = 1;
        _timer = new Timer(_ => LookAtFile()); // set before it first goes off
        _timer.Change(_options.PollingInterval, Timeout.InfiniteTimeSpan);
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

    /// <summary>Loads the file if it has changed since it was last loaded or found to be no model.</summary>
    /// <returns>Whether another model has taken over.</returns>
    /// <exception cref="Exception">The file has changed, but cannot be loaded. The old model goes on serving.</exception>
    public bool Reload() => TryReload() is not null;

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

    /// <summary>Says whether a file may well be loaded the next time, though it does not change until then.</summary>
    private static bool MayPass(Exception fault) => fault is UnauthorizedAccessException
        || fault is IOException and not (FileNotFoundException or DirectoryNotFoundException or EndOfStreamException);

    private Lease Load()
    {
        ITransformer model = LoadModel();
        using IDisposable? owned = model as IDisposable;
        return new Lease(new Recommender(model.DeviceCloudModel(), _observations, _options.NumberOfThreads));
    }

    // What ML.NET wraps says nothing of what is wrong, nor with which file.
    private ITransformer LoadModel()
    {
        try
        {
            return _context.Model.Load(ModelFile, out _);
        }
        catch (Exception fault) when (fault is TargetInvocationException or FormatException)
        {
            throw new InvalidDataException($"'{ModelFile}' is no model that can be loaded: {fault.GetBaseException().Message}", fault);
        }
    }

    /// <summary>Loads the file if it has changed.</summary>
    /// <returns>The number of the model that has taken over; null if none has.</returns>
    private int? TryReload()
    {
        lock (_reloadLock)
        {
            // Before the file is read: whatever is written while it is read counts as another change.
            (DateTime Time, long Length) stamp = GetStamp();
            if (stamp == _stamp || Volatile.Read(ref _current) is null)
            {
                return null;
            }

            Lease next;
            try
            {
                next = Load();
            }
            catch (Exception fault) when (!MayPass(fault))
            {
                _stamp = stamp;
                throw;
            }

            _stamp = stamp;
            return Replace(next);
        }
    }

    /// <summary>Replaces the present recommender, unless there is none any more.</summary>
    /// <returns>The number of the model that has taken over; null if none has.</returns>
    private int? Replace(Lease? next)
    {
        Lease? previous;
        int? version = null;
        lock (_lock)
        {
            previous = _current;
            if (previous is null)
            {
                previous = next; // disposed of while it was loaded
            }
            else
            {
                _current = next;
                version = next is null ? null : ++_version;
            }
        }

        if (previous is not null)
        {
            Release(previous);
        }

        return version;
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

    private void LookAtFile()
    {
        try
        {
            if (TryReload() is int version)
            {
                _waitsBecause = null;
                Log(channel => channel.Info, $"Model {version} of '{ModelFile}' has taken over.");
                Call(nameof(Options.Reloaded), () => _options.Reloaded?.Invoke(version));
            }
        }
        catch (Exception fault) // whatever is wrong with the file: the service goes on with the old model
        {
            string? reason = MayPass(fault) ? fault.Message : null;
            if (reason is null || reason != _waitsBecause) // what keeps failing while a file is written is said once
            {
                Log(channel => channel.Error, $"'{ModelFile}' cannot be loaded, and model {Version} goes on: {fault.Message}");
                Call(nameof(Options.ReloadFailed), () => _options.ReloadFailed?.Invoke(fault));
            }

            _waitsBecause = reason;
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

    /// <summary>Calls what the user of this class has given. Here, on a thread of its own, an exception would end the process.</summary>
    private void Call(string name, Action callback)
    {
        try
        {
            callback();
        }
        catch (Exception fault)
        {
            Log(channel => channel.Error, $"The callback {name} failed: {fault.Message}");
        }
    }

    private void Log(Func<IChannel, Action<MessageSensitivity, string>> level, string message)
    {
        try
        {
            IHostEnvironment environment = _context;
            using IChannel channel = environment.Start(nameof(ReloadingRecommender));
            level(channel)(MessageSensitivity.None, message);
        }
        catch (Exception)
        {
            // Who listens to the log is the user's code, too, and there is nobody left to tell.
        }
    }

    /// <summary>A recommender and the number of those who hold it: its place as the present one, and each call under way.</summary>
    private sealed class Lease(Recommender recommender)
    {
        public Recommender Recommender { get; } = recommender;

        public int NumberOfHolders { get; set; } = 1;
    }
}
