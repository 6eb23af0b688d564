using System.Diagnostics;
using DCCL.ML.Evaluation;
using DCCL.Trainers;
using Spectre.Console;

namespace QuickStart;

/// <summary>Shows how far the training is, on the error stream: one line that changes, or plain lines where that is no terminal.</summary>
internal sealed class StageProgress : IProgress<TrainingProgress>, IDisposable
{
    private static readonly TimeSpan _plainInterval = TimeSpan.FromSeconds(10);

    private readonly Stopwatch _sinceLine = Stopwatch.StartNew();
    private readonly IAnsiConsole _console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
    private readonly bool _isTerminal;
    private string _stage = "";
    private bool _hasLine;

    public StageProgress()
    {
        _isTerminal = !Console.IsErrorRedirected && _console.Profile.Capabilities.Ansi;
    }

    public void Start(string stage)
    {
        _stage = stage;
        _sinceLine.Restart();
        Show("training");
    }

    public void StartEvaluation(string stage)
    {
        _stage = stage;
        Show("evaluating");
    }

    public void Finish(StageResult result)
    {
        Clear();
        RankingFigures figures = result.Report.Overall;
        string figure = figures.NumberOfUsersWithBothClasses > 0
            ? Format($"AUC per user {figures.AreaUnderRocCurvePerUser:F4}")
            : Format($"NDCG@10 {figures.Ndcg(10):F4}");
        Console.Error.WriteLine(Format($"{result.Name,-9}  trained in {result.Training.TotalSeconds:F1} s, {figure}"));
    }

    /// <summary>Shows an epoch, as the trainers report it.</summary>
    public void Report(TrainingProgress value)
    {
        string text = Format($"{value.Stage}, epoch {value.Epoch} of {value.NumberOfEpochs}")
            + (value.Loss is double loss ? Format($", loss {loss:F4}") : Format($" ({value.Fraction:P0})"))
            + (value.ValidationMetric is double metric ? Format($", validation {metric:F4}") : "")
            + (value.TimeLeft is TimeSpan left && left >= TimeSpan.FromSeconds(1) ? Format($", at most {left:m\\:ss} left") : "");
        if (_isTerminal)
        {
            Show(text);
        }
        else if (value.Loss is not null && _sinceLine.Elapsed > _plainInterval)
        {
            _sinceLine.Restart();
            Console.Error.WriteLine($"{_stage}: {text}");
        }
    }

    public void Dispose() => Clear();

    private static string Format(FormattableString text) => FormattableString.Invariant(text);

    private void Show(string text)
    {
        if (_isTerminal)
        {
            Clear();
            string line = $"{_stage}: {text}";
            _console.Markup($"[grey]{Markup.Escape(line[..Math.Min(line.Length, _console.Profile.Width - 1)])}[/]");
            _hasLine = true;
        }
    }

    private void Clear()
    {
        if (_hasLine)
        {
            _console.Write(new ControlCode("\r\u001b[2K"));
            _hasLine = false;
        }
    }
}
