using System.Diagnostics;
using System.Globalization;
using DCCL.ML.Data;
using Microsoft.ML.Runtime;
using TorchSharp;

namespace DCCL.Trainers.Torch;

/// <summary>One call of <c>Fit</c>: its log channel, progress, random numbers, and torch's number of threads while it lasts.</summary>
/// <remarks>
/// Torch's own threads are switched off: the operations of a batch are so small that handing them out costs more than it
/// saves. The number that was set before is restored on dispose.
/// </remarks>
internal sealed class TrainingRun : IDisposable
{
    private readonly IChannel _channel;
    private readonly TrainingRunOptions _options;
    private readonly int _torchThreads;

    public TrainingRun(IHostEnvironment environment, string name, TrainingRunOptions options)
    {
        TorchNative.EnsureLoaded();
        _channel = environment.Start(name);
        _options = options;
        Random = new SeededRandom(options.Seed);
        _torchThreads = torch.get_num_threads();
        PrepareThread();
    }

    /// <summary>Gets the run's random numbers.</summary>
    public SeededRandom Random { get; }

    public int Threads => _options.Threads;

    public int Seed => _options.Seed;

    public CancellationToken Cancellation => _options.CancellationToken;

    /// <summary>Gets the options of loops that run on several threads.</summary>
    public ParallelOptions Parallel => new() { MaxDegreeOfParallelism = Threads, CancellationToken = Cancellation };

    public bool IsCancelled => _options.CancellationToken.IsCancellationRequested;

    /// <summary>
    /// Switches torch's own threads off for the calling thread; every worker calls it. Setting the number of threads elsewhere does
    /// not reach the matrix products of a thread that has not set it itself.
    /// </summary>
    public static void PrepareThread() => torch.set_num_threads(1);

    public void Info(string message) => _channel.Info(MessageSensitivity.None, message);

    public void Warning(string message) => _channel.Warning(MessageSensitivity.None, message);

    /// <summary>Tells of a stage that has no epochs.</summary>
    public void Report(string stage, double fraction) => Report(new TrainingProgress(stage, 1, 1, fraction, null, null, null));

    /// <summary>
    /// Runs epochs until the last, the cancellation, or the end of patience. <paramref name="epoch"/> gets the number of the
    /// epoch and what to call with the share that is done; it returns loss and validation metric. <paramref name="improved"/>
    /// is called when the metric is the best so far, or after each epoch if there is none.
    /// </summary>
    /// <param name="stage">What is being done.</param>
    /// <param name="epochs">The number of epochs at most.</param>
    /// <param name="patience">The number of epochs without a better metric.</param>
    /// <param name="epoch">Runs an epoch.</param>
    /// <param name="improved">Keeps what there is now.</param>
    /// <param name="done">The epochs that an earlier process has done, which are reported again; further ones are added. Null for none.</param>
    /// <param name="finished">Called after each epoch; null for nothing.</param>
    /// <returns>The best epoch; 0 if none was finished.</returns>
    public int RunEpochs(
        string stage,
        int epochs,
        int patience,
        Func<int, Action<double>, (double Loss, double? Metric)> epoch,
        Action improved,
        List<EpochResult>? done = null,
        Action? finished = null)
    {
        Stopwatch watch = Stopwatch.StartNew();
        int best = 0;
        double bestMetric = double.NegativeInfinity;
        done ??= [];
        int earlier = done.Count;
        for (int i = 0; i < earlier; i++)
        {
            Report(new TrainingProgress(stage, i + 1, epochs, 1, done[i].Loss, done[i].Metric, TimeLeft: null));
            Judge(i + 1, done[i].Metric);
        }

        for (int number = earlier + 1; number <= epochs && number - best <= patience; number++)
        {
            try
            {
                TimeSpan last = TimeSpan.Zero;
                (double loss, double? metric) = epoch(number, fraction =>
                {
                    Cancellation.ThrowIfCancellationRequested();
                    if (fraction == 1 || watch.Elapsed - last > TimeSpan.FromSeconds(0.5))
                    {
                        last = watch.Elapsed;
                        Report(new TrainingProgress(stage, number, epochs, fraction, null, null, Left(number - 1 + fraction)));
                    }
                });

                Report(new TrainingProgress(stage, number, epochs, 1, loss, metric, Left(number)));
                Info(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{stage}: epoch {number} of {epochs}, loss {loss:F4}{(metric is null ? "" : $", validation {metric:F4}")}, {watch.Elapsed.TotalSeconds:F1} s"));
                done.Add(new EpochResult(loss, metric));
                if (Judge(number, metric))
                {
                    improved();
                }

                finished?.Invoke();
            }
            catch (OperationCanceledException) when (IsCancelled)
            {
                Warning(best == 0 ? $"{stage}: cancelled in epoch {number}, before any was done." : $"{stage}: cancelled in epoch {number}; the model of epoch {best} is kept.");
                break;
            }
        }

        return best;

        bool Judge(int number, double? metric)
        {
            bool isBetter = metric is null || metric > bestMetric;
            (best, bestMetric) = isBetter ? (number, metric ?? bestMetric) : (best, bestMetric);
            return isBetter;
        }

        TimeSpan? Left(double epoch) => epoch <= earlier ? null : watch.Elapsed * ((epochs - epoch) / (epoch - earlier));
    }

    public void Dispose()
    {
        torch.set_num_threads(_torchThreads);
        _channel.Dispose();
    }

    private void Report(TrainingProgress progress) => _options.Progress?.Report(progress);
}
