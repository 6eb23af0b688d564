using System.Globalization;

namespace DCCL.Cli;

/// <summary>Words of what people read.</summary>
internal static class Words
{
    /// <summary>What is said at once to whoever interrupts long work.</summary>
    public const string Interrupted = "Interrupted: ends as soon as it can. Ctrl-C once more ends it at once.";

    /// <summary>Says how many there are: 1 event, 2 events.</summary>
    /// <param name="count">How many.</param>
    /// <param name="noun">What, in the singular; the plural ends in s.</param>
    public static string Count(int count, string noun) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {noun}{(count == 1 ? "" : "s")}");
}
