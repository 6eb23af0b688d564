using DCCL.Cli.Logs;
using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>What is found out of a log from its first lines.</summary>
public sealed class LayoutGuessTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Guess_MovieLensWithoutHeader_TellsTimesAndRatingsByTheirValues()
    {
        string[] lines = [.. Enumerable.Range(0, 60).Select(i => FormattableString.Invariant($"{196 + i}\t{242 + (7 * i)}\t{1 + (i % 5)}\t{881250949 + (1000 * i)}"))];
        LogLayout layout = Guess(_folder.Write("u.data", lines));

        Assert.That(layout.Delimiter, Is.EqualTo('\t'));
        Assert.That(layout.HasHeader, Is.False);
        Assert.That(Roles(layout), Is.EqualTo(new[] { ColumnRole.User, ColumnRole.Item, ColumnRole.Rating, ColumnRole.Time }));
        Assert.That(layout.Columns.Select(column => column.IsCertain), Is.All.False);
        Assert.That(layout.Feedback, Is.Null, "a rating that nobody asked for is not used");
    }

    [TestCase("userId,movieId,rating,timestamp", "1,31,2.5,1260759144", ',', "User Item Rating Time")]
    [TestCase("timestamp;visitorid;event;itemid", "1433221332117;257597;view;355908", ';', "Time User Ignored Item")]
    [TestCase("asin|reviewerID|overall|unixReviewTime", "B000|A1|5|1382400000", '|', "Item User Rating Time")]
    [TestCase("user_id\titem_id\tclicked", "a\tb\t1", '\t', "User Item Label")]
    [TestCase("customer,product,date", "c 1,p 1,2024-03-01T10:00:00Z", ',', "User Item Time")]
    public void Guess_Header_TellsColumnsByTheirNames(string header, string row, char delimiter, string roles)
    {
        LogLayout layout = Guess(_folder.Write("log.csv", header, row, row));

        Assert.That(layout.Delimiter, Is.EqualTo(delimiter));
        Assert.That(layout.HasHeader, Is.True);
        Assert.That(string.Join(' ', Roles(layout)), Is.EqualTo(roles));
    }

    [Test]
    public void Guess_OnlyTwoColumns_AreUserAndItem()
    {
        LogLayout layout = Guess(_folder.Write("pairs.txt", "ann,tea", "bob,milk", "ann,milk"));

        Assert.That(Roles(layout), Is.EqualTo(new[] { ColumnRole.User, ColumnRole.Item }));
        Assert.That(layout.HasHeader, Is.False);
        Assert.That(layout.InteractionColumns.TimestampColumnName, Is.Null);
    }

    [TestCase("userid", "userId")]
    [TestCase("usrId", "userId")]
    [TestCase("movei", "movieId")]
    public void Guess_WrongColumn_SuggestsTheNearest(string name, string nearest)
    {
        string path = _folder.Write("log.csv", "userId,movieId", "1,2");
        if (name == "userid")
        {
            Assert.That(Guess(path, (ColumnRole.User, name)).User.Name, Is.EqualTo("userId"), "case does not matter");
            return;
        }

        ToolException fault = Assert.Throws<ToolException>(() => Guess(path, (ColumnRole.User, name)));
        Assert.That(fault.Message, Does.EndWith($"Did you mean '{nearest}'?"));
        Assert.That(fault.ExitCode, Is.EqualTo(ExitCode.BadInput));
    }

    [TestCase("", "", 0)]
    [TestCase("abc", "abc", 0)]
    [TestCase("kitten", "sitting", 3)] // Levenshtein's own example
    [TestCase("ca", "abc", 3)] // optimal string alignment: the swapped letters are not edited twice
    [TestCase("movei", "movie", 1)]
    public void GetDistance_KnownPairs_IsTheirEditDistance(string first, string second, int expected) =>
        Assert.That(ColumnNames.GetDistance(first, second), Is.EqualTo(expected));

    [Test]
    public void Guess_RatingsAskedFor_ArePositiveFromSeventyPercentOn()
    {
        string[] rows = [.. Enumerable.Range(1, 10).Select(i => FormattableString.Invariant($"u{i},i{i},{i / 2.0}"))];
        LogLayout layout = Guess(_folder.Write("log.csv", ["user,item,rating", .. rows]), (ColumnRole.Rating, "rating"));

        Assert.That(layout.PositiveRating, Is.EqualTo(3.5)); // 0.7 * 5
        Assert.That(layout.Feedback?.Name, Is.EqualTo("rating"));
    }

    private static ColumnRole[] Roles(LogLayout layout) => [.. layout.Columns.Select(column => column.Role)];

    private static LogLayout Guess(string path, params (ColumnRole Role, string Name)[] columns) =>
        LayoutGuess.Guess(new LogOptions { Path = path, Columns = columns.ToDictionary(column => column.Role, column => column.Name) });
}
