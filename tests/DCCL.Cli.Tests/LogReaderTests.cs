using System.Text;
using DCCL.Cli.Logs;
using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>What is read of a log whose quotes or bytes are not as they must be.</summary>
public sealed class LogReaderTests
{
    private const string Header = "user_id,item_id,timestamp";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    // Line 1 is the header's.
    [TestCase(2)]
    [TestCase(1706)]
    [TestCase(2950)] // fewer lines follow than a quoted field may have
    [TestCase(3001)]
    public void Read_OneStrayQuote_CostsItsLineAlone(int line)
    {
        string[] lines = [Header, .. Enumerable.Range(1, 3000).Select(i => FormattableString.Invariant($"u{i % 70},i{i % 90},{1_600_000_000 + i}"))];
        lines[line - 1] = "\"u1,i2,1600000000";

        EventLog log = Read(lines);

        Assert.That(log.Events, Has.Count.EqualTo(2999));
        Assert.That(log.Faults.Describe(), Is.EqualTo($"1 unreadable row was left out: line {line}: a quote is not closed"));
        Assert.That(log.Layout.HasHeader, Is.True);
    }

    [TestCase("u2,\"i2\",2", 1)] // closes the quote in the middle of a field
    [TestCase("\"u2\",\"i2\",\"2\"", 1)]
    [TestCase("u2,i2,2|\"u3\",i3,3", 1)]
    [TestCase("\"u2,i2,2|u3,i3,3|\"u4\",i4,4", 2)] // two stray quotes make one field
    public void Read_StrayQuoteBeforeOtherQuotes_CostsItsLineAlone(string following, int faults)
    {
        string[] rows = following.Split('|');

        EventLog log = Read([Header, "u0,i0,1", "\"u1,i1,1", .. rows, "u9,i9,9", "u8,i8,8", "u7,i7,7"]);

        Assert.That(log.Faults.Examples, Has.Count.EqualTo(faults).And.All.Matches<(int Line, string Fault)>(example => example.Fault == "a quote is not closed"));
        Assert.That(log.Faults.Examples[0].Line, Is.EqualTo(3));
        Assert.That(log.Events, Has.Count.EqualTo(4 + rows.Length - (faults - 1)));
    }

    [Test]
    public void Read_QuotedFieldOverSeveralLines_IsOneEvent()
    {
        EventLog log = Read([Header + ",comment", "u1,i1,1,\"good,", "", "\"\"very\"\" good\"", "u2,\"i,2\",2,fine", "u3,,3,fine"]);

        Assert.That(log.Events, Has.Count.EqualTo(2));
        Assert.That(log.Items, Is.EqualTo(new[] { "i1", "i,2" }));
        Assert.That(log.Faults.Examples, Is.EqualTo(new[] { (6, "no item") }));
    }

    [TestCase("u1,i1,1,\"good|very, good\"", Description = "A field too few.")]
    [TestCase("u1,i1,1,\"good|very, good\",here,and,there", Description = "Some too many.")]
    [TestCase("u1,i1,1,\"good,|, very, good\",here", Description = "As many as there are columns, and further lines of any form.")]
    public void Read_QuotedFieldOverSeveralLinesOfARaggedLog_IsOneEventAsOnOneLine(string row)
    {
        string[] others = ["u2,i2,2,fine,here", "u3,i3,3", "u4,i4,4,fine,here", "u5,i5,5,fine,here,too"];

        EventLog apart = Read([Header + ",comment,place", .. row.Split('|'), .. others]);
        EventLog onOneLine = Read([Header + ",comment,place", row.Replace('|', ' '), .. others]);

        Assert.That(apart.Faults.Count, Is.Zero, apart.Faults.Describe());
        Assert.That(apart.Items, Is.EqualTo(new[] { "i1", "i2", "i3", "i4", "i5" }));
        Assert.That(apart.Events, Is.EqualTo(onOneLine.Events));
    }

    [TestCase("u1,i1,1,fine,\"here|u2,i2,2,fine\",there")]
    [TestCase("u1,i1,1,\"fine,here|u2,i2,2,good|u2,i2,2,fine,there\"")]
    public void Read_StrayQuotesThatJoinRowsOfARaggedLog_CostTheirLineAlone(string joined)
    {
        string[] lines = joined.Split('|');

        EventLog log = Read([Header + ",comment,place", "u0,i0,0,fine,here", .. lines, "u9,i9,9,fine,here", "u8,i8,8"]);

        Assert.That(log.Faults.Examples, Is.EqualTo(new[] { (3, "a quote is not closed") }));
        Assert.That(log.Events, Has.Count.EqualTo(3 + lines.Length - 1));
    }

    [Test]
    public void Read_RowOverSeveralLinesWithTooFewFields_IsOneFault()
    {
        EventLog log = Read(["user_id,comment,item_id", "u1,fine,i1", "u2,\"a", "b\"", "u3,fine,i3"]);

        Assert.That(log.Items, Is.EqualTo(new[] { "i1", "i3" }));
        Assert.That(log.Faults.Examples, Is.EqualTo(new[] { (3, "2 fields instead of 3") }));
    }

    [Test]
    public void Read_RowOverSeveralLinesWithoutAnItem_IsOneFault()
    {
        EventLog log = Read([Header + ",comment", "u1,i1,1,fine", "u2,,2,\"a", "u9,i9,9,b", "c\"", "u3,i3,3,fine"]);

        Assert.That(log.Items, Is.EqualTo(new[] { "i1", "i3" }));
        Assert.That(log.Faults.Examples, Is.EqualTo(new[] { (3, "no item") }));
    }

    [Test]
    public void Read_NothingButStrayQuotes_SaysSo() =>
        Assert.That(() => LogSample.Read(_folder.Write("log.csv", "\"u1,i1,1"), ','), Throws.TypeOf<ToolException>().With.Message.Contains("a quote is not closed"));

    [Test]
    public void Read_FieldLongerThanAnyBuffer_IsRead()
    {
        string item = new('i', 100_000);

        Assert.That(Read([Header, $"u1,{item},1", $"u2,\"{item}\n{item}\",2", "u3,i3,3"]).Items, Is.EqualTo(new[] { item, $"{item}\n{item}", "i3" }));
    }

    [Test]
    public void Read_StrayQuoteWithStrict_StopsAtItsLine()
    {
        LogLayout layout = Guess(_folder.Write("log.csv", Header, "u1,i1,1", "\"u2,i2,2", "u3,i3,3"));

        Assert.That(() => new LogReader(layout, isStrict: true).Read(default), Throws.TypeOf<ToolException>()
            .With.Message.Contains("Line 3 of").And.Message.Contains("a quote is not closed"));
    }

    [TestCase(2, false)]
    [TestCase(1000, false)] // beyond the sample
    [TestCase(1000, true)]
    public void Read_BytesThatAreNotUtf8_IsRefusedByLine(int line, bool hasMark)
    {
        string path = _folder["log.csv"];
        File.WriteAllLines(path, Enumerable.Range(2, 1500).Select(i => FormattableString.Invariant($"u{i},Caf{(i == line ? 'è' : 'e')},{i}")).Prepend(Header), Encoding.Latin1);
        if (hasMark)
        {
            File.WriteAllBytes(path, [.. Encoding.UTF8.Preamble, .. File.ReadAllBytes(path)]);
        }

        Assert.That(() => new LogReader(Guess(path), isStrict: false).Read(default), Throws.TypeOf<ToolException>()
            .With.Message.EqualTo($"The log '{path}' must be UTF-8, but line {line} is not. Save it as CSV in UTF-8.")
            .And.Property(nameof(ToolException.ExitCode)).EqualTo(ExitCode.BadInput));
    }

    [TestCase("utf-8")]
    [TestCase("utf-16")]
    [TestCase("utf-16BE")]
    public void Read_ByteOrderMark_SaysHowTheFileIsWritten(string encoding)
    {
        string path = _folder["log.csv"];
        File.WriteAllLines(path, [Header, "u1,Café,1", "u2,\uFFFD\U0001F375,2"], Encoding.GetEncoding(encoding));

        EventLog log = new LogReader(Guess(path), isStrict: true).Read(default);

        Assert.That(log.Items, Is.EqualTo(new[] { "Café", "\uFFFD\U0001F375" }));
        Assert.That(log.Layout.User.Name, Is.EqualTo("user_id"));
    }

    private static LogLayout Guess(string path) => LayoutGuess.Guess(new LogOptions { Path = path });

    private EventLog Read(string[] lines) => new LogReader(Guess(_folder.Write("log.csv", lines)), isStrict: false).Read(default);
}
