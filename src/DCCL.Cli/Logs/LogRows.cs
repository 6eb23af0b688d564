using System.Globalization;
using System.Text.RegularExpressions;
using CsvHelper;
using CsvHelper.Configuration;

namespace DCCL.Cli.Logs;

/// <summary>
/// Cuts lines into the fields of rows. A row may have several lines, because of a quoted field; where its quotes are not as they must be, its first line
/// alone is a row that cannot be read, and the next row begins on the next line: a stray quote costs one line and not the rest of the log.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class LogRows : IDisposable
{
    private const int MaximumNumberOfLines = 100;
    private const string OpenQuote = "a quote is not closed";

    private readonly IEnumerator<string> _lines;
    private readonly CsvConfiguration _configuration;
    private readonly Regex _row;
    private readonly List<string> _current = [];
    private readonly Stack<string> _again = [];
    private CsvParser _parser;
    private bool _isFed;
    private bool _isCutShort;
    private int _numberOfLines;

    /// <param name="lines">The lines.</param>
    /// <param name="delimiter">The character between fields. Quotes count, unless it is the tab.</param>
    public LogRows(IEnumerable<string> lines, char delimiter)
    {
        _lines = lines.GetEnumerator();
        _configuration = new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            Delimiter = delimiter.ToString(),
            HasHeaderRecord = false,
            TrimOptions = TrimOptions.Trim,
            Mode = delimiter == '\t' ? CsvMode.NoEscape : CsvMode.RFC4180,
            BadDataFound = null,
        };
        string separator = FormattableString.Invariant($"\\u{(int)delimiter:x4}");
        string field = $"(?: *\"(?:[^\"]|\"\")*\" *|[^\"{separator}]*)";
        _row = new Regex($"^{field}(?:{separator}{field})*$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        _parser = new CsvParser(new Source(this), _configuration);
    }

    /// <summary>Gets the number, from 1, of the line on which the row begins.</summary>
    public int Line => _numberOfLines - _current.Count + 1;

    /// <summary>Gets the number of lines of the row.</summary>
    public int NumberOfLines => _current.Count;

    /// <summary>Gets the lines of the row after the first one.</summary>
    public IEnumerable<string> FurtherLines => _current.Skip(1);

    /// <summary>Gets what makes the row unreadable; null if it has fields.</summary>
    public string? Fault { get; private set; }

    /// <summary>Gets the number of fields.</summary>
    public int Count => _parser.Count;

    /// <summary>Gets all fields.</summary>
    public string[] Fields => _parser.Record!;

    /// <summary>Gets a field.</summary>
    public string this[int index] => _parser[index];

    /// <summary>Goes on to the next row that is not empty.</summary>
    /// <returns>Whether there is one.</returns>
    public bool Read()
    {
        Fault = null;
        _isFed = false;
        _isCutShort = false;
        do
        {
            _current.Clear();
            if (!TakeLine())
            {
                return false;
            }
        }
        while (_current[0].Length == 0);

        _parser.Read();
        if (_isCutShort)
        {
            // It takes the end of the row for that of the file, and reads no more.
            _parser.Dispose();
            _parser = new CsvParser(new Source(this), _configuration);
            CutShort();
        }
        else if (_current.Count > 1 && !_row.IsMatch(string.Join('\n', _current)))
        {
            CutShort();
        }

        return true;
    }

    /// <summary>Takes a row that turned out to be none for its first line alone; the others will be read again.</summary>
    /// <returns>What is wrong with that line.</returns>
    public string CutShort()
    {
        for (; _current.Count > 1; _current.RemoveAt(_current.Count - 1))
        {
            _again.Push(_current[^1]);
            _numberOfLines--;
        }

        return Fault = OpenQuote;
    }

    public void Dispose()
    {
        _parser.Dispose();
        _lines.Dispose();
    }

    private bool TakeLine()
    {
        if (!_again.TryPop(out string? line))
        {
            if (!_lines.MoveNext())
            {
                return false;
            }

            line = _lines.Current;
        }

        _numberOfLines++;
        _current.Add(line);
        return true;
    }

    // The first line of a row, and another one only where the parser finds that a quote is open.
    private string? Feed()
    {
        if (_isFed && (_current.Count == MaximumNumberOfLines || !TakeLine()))
        {
            _isCutShort = true;
            return null;
        }

        _isFed = true;
        return _current[^1];
    }

    /// <summary>What the parser reads.</summary>
    private sealed class Source(LogRows rows) : TextReader
    {
        private string _line = "";
        private int _position = 1;

        public override int Read(char[] buffer, int index, int count)
        {
            if (_position > _line.Length)
            {
                if (rows.Feed() is not string line)
                {
                    return 0;
                }

                (_line, _position) = (line, 0);
            }

            int length = Math.Min(count, _line.Length - _position);
            _line.CopyTo(_position, buffer, index, length);
            _position += length;
            if (length < count)
            {
                buffer[index + length++] = '\n';
                _position++;
            }

            return length;
        }
    }
}
