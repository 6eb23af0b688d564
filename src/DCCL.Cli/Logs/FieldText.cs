using System.Globalization;

namespace DCCL.Cli.Logs;

/// <summary>Reads fields, whatever the machine's language.</summary>
internal static class FieldText
{
    private static readonly string[] _yes = ["true", "yes", "y", "t"];
    private static readonly string[] _no = ["false", "no", "n", "f"];

    /// <summary>Finds out what values look like; one in twenty may differ.</summary>
    public static ColumnType GetType(IReadOnlyCollection<string> values)
    {
        string[] present = [.. values.Where(value => value.Length > 0)];
        if (present.Length == 0)
        {
            return ColumnType.Text;
        }

        bool Are(Func<string, bool> test) => present.Count(test) >= 0.95 * present.Length;
        return Are(value => long.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out _)) ? ColumnType.Integer
            : Are(value => TryNumber(value, out _)) ? ColumnType.Number
            : Are(value => TryDate(value, out _)) ? ColumnType.Date
            : Are(value => TryTruth(value, out _)) ? ColumnType.Boolean
            : ColumnType.Text;
    }

    /// <summary>Reads a finite number.</summary>
    public static bool TryNumber(string value, out double number) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);

    /// <summary>Reads a date; without a zone it is universal time.</summary>
    public static bool TryDate(string value, out DateTime date) => DateTime.TryParse(
        value, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal, out date);

    /// <summary>Reads true or false; of numbers all above zero are true.</summary>
    public static bool TryTruth(string value, out bool truth)
    {
        bool isNumber = TryNumber(value, out double number);
        truth = isNumber ? number > 0 : _yes.Contains(value.ToLowerInvariant());
        return isNumber || truth || _no.Contains(value.ToLowerInvariant());
    }
}
