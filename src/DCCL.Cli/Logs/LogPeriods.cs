using Microsoft.ML;

namespace DCCL.Cli.Logs;

/// <summary>A log cut by time, as row numbers.</summary>
/// <param name="Log">The log.</param>
/// <param name="Cloud">What the cloud model is fitted to.</param>
/// <param name="Device">What came next, on the devices.</param>
/// <param name="Test">What came last.</param>
/// <param name="BeforeTest">Cloud and device period together, in the order of the file.</param>
/// <param name="Description">How the log was cut.</param>
internal sealed record LogPeriods(
    EventLog Log, IReadOnlyList<int> Cloud, IReadOnlyList<int> Device, IReadOnlyList<int> Test, IReadOnlyList<int> BeforeTest, string Description)
{
    /// <summary>The share of the events that are for the test: what the split leaves by default.</summary>
    public const double TestShare = 0.1;

    /// <summary>Makes what ML.NET reads of a period. Trainers and evaluations each read it again: in memory that costs little.</summary>
    public IDataView Load(MLContext ml, Func<LogPeriods, IReadOnlyList<int>> period) => Log.Load(ml, period(this));
}
