namespace DCCL.Cli.Logs;

/// <summary>A column of a log, and what it was taken for.</summary>
/// <param name="Index">Its place, from 0.</param>
/// <param name="Name">Its name in the header, or "column 1" where there is none.</param>
/// <param name="Type">What its values look like.</param>
/// <param name="Role">What it means.</param>
/// <param name="Why">How that is known.</param>
/// <param name="IsCertain">Whether a name or an option says so; otherwise it was guessed from the values.</param>
/// <param name="Examples">A few of its values.</param>
internal sealed record LogColumn(int Index, string Name, ColumnType Type, ColumnRole Role, string Why, bool IsCertain, string Examples);
