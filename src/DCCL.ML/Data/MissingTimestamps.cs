using System.Globalization;

namespace DCCL.ML.Data;

/// <summary>Finds times that a loader made up, for an empty field or for a file cut in the middle of its last row.</summary>
/// <remarks>
/// ML.NET's loaders give an absent number the value 0 without a word, and a number cut short is a smaller number. Among times
/// that count from an epoch, such an event would silently become its user's first. So an event is refused if its time is 0,
/// or if it is the last row's, and it lies further before all others than they lie apart. Logs with small numbers for times
/// (steps, days since their own start) are not judged.
/// </remarks>
internal sealed class MissingTimestamps
{
    /// <summary>The smallest earliest time that is taken to count from an epoch.</summary>
    private const double SmallestEpochTime = 1e6;

    private double _first = double.PositiveInfinity;
    private double _last = double.NegativeInfinity;
    private double _pending = double.NaN;
    private long _pendingRow;
    private long _zeroRow;

    public void Add(double timestamp, long rowNumber)
    {
        Settle();
        _pending = timestamp;
        _pendingRow = rowNumber;
    }

    public void Check(string columnName)
    {
        if (_zeroRow > 0)
        {
            Settle();
        }

        double suspect = _zeroRow > 0 ? 0 : _pending;
        if (_first >= SmallestEpochTime && _first - suspect > _last - _first && _last > _first)
        {
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture,
                $"Row {(_zeroRow > 0 ? _zeroRow : _pendingRow)} of column '{columnName}' must be a time, but is {suspect}, while the other rows "
                + $"lie between {_first} and {_last}. The value is missing, or the file was cut in the middle: load the whole file, or remove the row."));
        }
    }

    // The last row is judged by the others, so that a row counts only once another one follows.
    private void Settle()
    {
        if (_pending == 0)
        {
            _zeroRow = _zeroRow == 0 ? _pendingRow : _zeroRow;
        }
        else if (!double.IsNaN(_pending))
        {
            _first = Math.Min(_first, _pending);
            _last = Math.Max(_last, _pending);
        }

        _pending = double.NaN;
    }
}
