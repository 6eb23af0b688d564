namespace DCCL.Trainers.Tests;

/// <summary>Notes what a run reports, on the run's own thread.</summary>
internal sealed class Watcher : IProgress<TrainingProgress>
{
    private readonly List<TrainingProgress> _reports = [];

    public IReadOnlyList<TrainingProgress> Reports => _reports;

    /// <summary>Gets what is called with each report.</summary>
    public Action<TrainingProgress> Reported { get; init; } = _ => { };

    public void Report(TrainingProgress value)
    {
        lock (_reports)
        {
            _reports.Add(value);
        }

        Reported(value);
    }
}
