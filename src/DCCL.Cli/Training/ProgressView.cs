using System.Diagnostics;
using DCCL.Cli.Reporting;
using DCCL.Trainers;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using Spectre.Console;

namespace DCCL.Cli.Training;

/// <summary>Shows how far a training is: a table that changes, or a line for each epoch where nobody looks on.</summary>
/// <param name="console">Where to show it.</param>
/// <param name="opening">What to say once there is progress; null for nothing.</param>
/// <param name="cancellation">Interrupts it, which is then said.</param>
internal sealed class ProgressView(ToolConsole console, string? opening, CancellationToken cancellation) : IProgress<TrainingProgress>
{
    private const int NumberOfRows = 8;
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(0.2);
    private static readonly TimeSpan _lineInterval = TimeSpan.FromSeconds(30);

    private readonly List<TrainingProgress> _epochs = [];
    private readonly List<TrainingProgress> _all = [];
    private readonly HashSet<string> _warnings = [];
    private readonly List<string> _waiting = [];
    private readonly Stopwatch _sinceUpdate = Stopwatch.StartNew();
    private LiveDisplayContext? _live;
    private TrainingProgress? _last;
    private bool _isWorking;
    private string? _note;
    private string? _stage;
    private double? _best;

    /// <summary>Gets a value indicating whether the best epoch so far is kept when the work is interrupted; otherwise nothing is.</summary>
    public bool KeepsBest { get; init; }

    /// <summary>Gets what Ctrl-C would do now.</summary>
    public string Promise => !KeepsBest ? "Ctrl-C ends it and writes nothing"
        : _all.Count == 0 ? "Ctrl-C keeps nothing before the first epoch is done"
        : "Ctrl-C keeps the best epoch so far";

    /// <summary>Gets the best validation metric of each stage that had one.</summary>
    public Dictionary<string, double> BestMetrics { get; } = [];

    /// <summary>Gets how each stage went, in the order in which they ended.</summary>
    public IReadOnlyList<LearningCurve> Curves =>
    [
        .. _all.GroupBy(epoch => epoch.Stage).Select(stage => new LearningCurve(
            stage.Key, [.. stage.Select(epoch => epoch.Loss!.Value)], [.. stage.Where(epoch => epoch.ValidationMetric is not null).Select(epoch => epoch.ValidationMetric!.Value)])),
    ];

    /// <summary>Shows the warnings of ML.NET that come with the work: at once, or when it is done where a table changes meanwhile.</summary>
    public void Watch(MLContext ml) => ml.Log += (_, log) =>
    {
        if (log.Kind != ChannelMessageKind.Warning)
        {
            return;
        }

        lock (_warnings)
        {
            if (!_isWorking || !_warnings.Add(log.RawMessage))
            {
                return;
            }

            if (console.IsLive)
            {
                _waiting.Add(log.RawMessage);
            }
            else
            {
                console.Note($"warning: {log.RawMessage}");
            }
        }
    };

    /// <summary>Does work that reports its progress here.</summary>
    public T Run<T>(Func<T> work)
    {
        using CancellationTokenRegistration interruption = cancellation.Register(() => Begin(Words.Interrupted));
        _isWorking = true;
        try
        {
            if (!console.IsLive)
            {
                return work();
            }

            return console.Error.Live(new Text("Preparing ...")).Start(live =>
            {
                SetLive(live);
                T result = work();
                SetLive(null);
                if (_last is not null)
                {
                    live.UpdateTarget(CreateTable(_last, isOver: true));
                }

                return result;
            });
        }
        finally
        {
            SetLive(null);
            _isWorking = false;
            _waiting.ForEach(warning => console.Note($"warning: {warning}"));
            _waiting.Clear();
        }
    }

    /// <summary>Says what comes next, where that takes a while and reports nothing itself.</summary>
    public void Begin(string work)
    {
        lock (_epochs)
        {
            _note = work;
            if (_live is null)
            {
                console.Note(work);
            }
            else
            {
                _live.UpdateTarget(_last is null ? new Text(work) : CreateTable(_last));
            }
        }
    }

    /// <summary>Shows an epoch, as the trainers report it.</summary>
    public void Report(TrainingProgress value)
    {
        lock (_epochs)
        {
            if (_last is null && opening is not null)
            {
                Open(opening);
            }

            _last = value;
            if (value.Stage != _stage)
            {
                _stage = value.Stage;
                _best = null;
                _epochs.Clear();
            }

            if (value.ValidationMetric is double metric && !(metric <= _best))
            {
                _best = metric;
                BestMetrics[value.Stage] = metric;
            }

            if (value.Loss is not null)
            {
                _epochs.Add(value);
                _all.Add(value);
            }

            if (_live is null)
            {
                if (value.Loss is not null || _sinceUpdate.Elapsed > _lineInterval)
                {
                    _sinceUpdate.Restart();
                    console.Note(Describe(value));
                }
            }
            else if (value.Loss is not null || _sinceUpdate.Elapsed > _interval)
            {
                _sinceUpdate.Restart();
                _live.UpdateTarget(CreateTable(value));
            }
        }
    }

    // Whoever interrupts has a thread of their own.
    private void SetLive(LiveDisplayContext? live)
    {
        lock (_epochs)
        {
            _live = live;
        }
    }

    // Spectre writes above a table that changes.
    private void Open(string line)
    {
        if (_live is null)
        {
            console.Note(line);
        }
        else
        {
            console.Error.WriteLine(line);
        }
    }

    private static string Describe(TrainingProgress value) => FormattableString.Invariant($"{value.Stage}: epoch {value.Epoch} of {value.NumberOfEpochs}, ")
        + (value.Loss is double loss ? FormattableString.Invariant($"loss {loss:F4}") : FormattableString.Invariant($"{100 * value.Fraction:F0} %"))
        + (value.ValidationMetric is double metric ? FormattableString.Invariant($", validation {metric:F4}") : "")
        + (value.TimeLeft is TimeSpan left && left >= TimeSpan.FromSeconds(1) ? $", at most {Describe(left)} left" : "");

    private static string Describe(TimeSpan time) => time < TimeSpan.FromHours(1)
        ? FormattableString.Invariant($"{time:m\\:ss}")
        : FormattableString.Invariant($"{(int)time.TotalHours}:{time:mm\\:ss}");

    private Table CreateTable(TrainingProgress now, bool isOver = false)
    {
        Table table = Tables.CreateLive(console, ["Epoch", "Loss", "Validation", "Time left"]).Title(Markup.Escape(now.Stage));
        if (!isOver && (_note ?? (console.IsInteractive ? Promise : null)) is string note)
        {
            table.Caption(Markup.Escape(note));
        }

        foreach (TrainingProgress epoch in _epochs.TakeLast(NumberOfRows))
        {
            bool isBest = epoch.ValidationMetric == _best && _best is not null;
            string metric = epoch.ValidationMetric is double value ? FormattableString.Invariant($"{value:F4}") : "";
            table.AddRow(
                new Text(FormattableString.Invariant($"{epoch.Epoch} / {epoch.NumberOfEpochs}")),
                new Text(FormattableString.Invariant($"{epoch.Loss:F4}")),
                isBest ? new Markup($"[green]{metric}[/]") : new Text(metric),
                new Text(""));
        }

        if (now.Loss is null && !isOver)
        {
            table.AddRow(
                new Text(FormattableString.Invariant($"{now.Epoch} / {now.NumberOfEpochs}, {100 * now.Fraction:F0} %")),
                new Text(""),
                new Text(""),
                new Text(now.TimeLeft is TimeSpan left ? Describe(left) : ""));
        }

        return table;
    }
}
