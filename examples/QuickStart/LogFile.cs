using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace QuickStart;

/// <summary>A text file with one event per line: user, item, perhaps a rating, and the time as a number.</summary>
internal sealed class LogFile
{
    private static readonly char[] _separators = ['\t', ',', ';', '|'];
    private static readonly string[] _userNames = ["user", "userid", "uid", "customer", "customerid", "visitorid"];
    private static readonly string[] _itemNames = ["item", "itemid", "iid", "movie", "movieid", "product", "productid", "asin"];
    private static readonly string[] _ratingNames = ["rating", "score", "stars"];
    private static readonly string[] _timeNames = ["timestamp", "time", "unixtime", "unixreviewtime", "ts"];

    private readonly string _path;
    private readonly char _separator;
    private readonly bool _hasHeader;
    private readonly int _user;
    private readonly int _item;
    private readonly int? _rating;
    private readonly int _time;

    private LogFile(string path, char separator, string[] firstLine)
    {
        _path = path;
        _separator = separator;
        _hasHeader = !firstLine.Any(IsNumber);
        if (_hasHeader)
        {
            _user = Find(firstLine, _userNames) ?? throw NoColumn("user", _userNames, firstLine);
            _item = Find(firstLine, _itemNames) ?? throw NoColumn("item", _itemNames, firstLine);
            _time = Find(firstLine, _timeNames) ?? throw NoColumn("time", _timeNames, firstLine);
            _rating = Find(firstLine, _ratingNames);
        }
        else if (firstLine.Length is 3 or 4)
        {
            (_user, _item, _time) = (0, 1, firstLine.Length - 1);
            _rating = firstLine.Length == 4 ? 2 : null;
        }
        else
        {
            throw new InvalidDataException(
                $"'{path}' must have the columns user, item, [rating,] time, separated by tab, comma, semicolon or bar, but its first line has "
                + $"{firstLine.Length}: '{Shorten(firstLine, separator)}'. Add a header that names them, or remove the others.");
        }
    }

    public bool HasRatings => _rating is not null;

    /// <summary>Finds out from its first lines how a file is written.</summary>
    public static LogFile Open(string path)
    {
        (char separator, string[] firstLine) = ReadFirstLine(path, "log");
        LogFile file = new(path, separator, firstLine);
        string? line = File.ReadLines(path).Skip(file._hasHeader ? 1 : 0).FirstOrDefault();
        string[]? firstEvent = line is null ? null : SplitLine(line, separator);
        return firstEvent is null || (firstEvent.Length > file._time && IsNumber(firstEvent[file._time]))
            ? file
            : throw new InvalidDataException(
                $"'{path}' must have the time as a number, such as seconds since 1970, but its first event is '{Shorten(firstEvent, separator)}'. "
                + "Convert the times first.");
    }

    /// <summary>Reads the fields of a file's first line.</summary>
    public static (char Separator, string[] Fields) ReadFirstLine(string path, string what)
    {
        if (!File.Exists(path))
        {
            throw new InvalidDataException(
                $"The {what} '{path}' must be a file, but there is none. Relative paths start from '{Directory.GetCurrentDirectory()}'.");
        }

        string line = File.ReadLines(path).FirstOrDefault()
            ?? throw new InvalidDataException($"The {what} '{path}' must not be empty, but is.");
        char separator = _separators.MaxBy(candidate => line.Count(character => character == candidate));
        return (separator, SplitLine(line, separator));
    }

    /// <summary>Puts a line's fields into a message.</summary>
    public static string Shorten(string[] fields, char separator)
    {
        string line = new([.. string.Join(separator, fields).Where(character => !char.IsControl(character) || character == separator)]);
        return line.Length <= 60 ? line : line[..60] + "...";
    }

    /// <summary>Loads the columns UserId, ItemId, Timestamp and, if there is one, Rating.</summary>
    public IDataView Load(MLContext ml)
    {
        List<TextLoader.Column> columns =
        [
            new("UserId", DataKind.String, _user), new("ItemId", DataKind.String, _item), new("Timestamp", DataKind.Double, _time),
        ];
        if (_rating is int rating)
        {
            columns.Add(new("Rating", DataKind.Single, rating));
        }

        return ml.Data.LoadFromTextFile(_path, new TextLoader.Options
        {
            Columns = [.. columns],
            Separators = [_separator],
            HasHeader = _hasHeader,
            AllowQuoting = _separator != '\t',
            TrimWhitespace = true,
            MissingRealsAsNaNs = true,
        });
    }

    private static string[] SplitLine(string line, char separator) => [.. line.Split(separator).Select(field => field.Trim().Trim('"'))];

    private static bool IsNumber(string field) => double.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out _);

    private static int? Find(string[] header, string[] names)
    {
        int index = Array.FindIndex(header, field => names.Contains(field.Replace("_", "", StringComparison.Ordinal).ToLowerInvariant()));
        return index < 0 ? null : index;
    }

    private InvalidDataException NoColumn(string what, string[] names, string[] header) => new(
        $"'{_path}' must have a column with the {what}, but its header is '{Shorten(header, _separator)}'. "
        + $"Name it one of {string.Join(", ", names)}.");
}
