namespace DCCL.Cli.Logs;

/// <summary>An event as it is held in memory.</summary>
/// <param name="User">The number of the user in the order of appearance.</param>
/// <param name="Item">The number of the item in the order of appearance.</param>
/// <param name="Time">The time: the file's own number, or ticks of a date.</param>
/// <param name="IsPositive">Whether the event is positive.</param>
internal readonly record struct LogEvent(int User, int Item, double Time, bool IsPositive);
