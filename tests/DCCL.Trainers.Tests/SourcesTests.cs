using System.Data;
using System.Globalization;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Scoring;
using Microsoft.Data.Sqlite;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.Trainers.Tests;

/// <summary>The same log from a text file, from objects and from a database gives the same model, byte by byte.</summary>
public sealed class SourcesTests
{
    private static readonly Checkerboard _board = new();
    private readonly MLContext _ml = new(seed: 1);
    private string _folder = "";

    [OneTimeSetUp]
    public void SetUp()
    {
        _folder = Path.Combine(TestContext.CurrentContext.WorkDirectory, nameof(SourcesTests));
        Directory.CreateDirectory(_folder);
    }

    [Test]
    public void Fit_FromATextFile_GivesTheModelOfTheSameObjects([Values] bool isRead)
    {
        string file = Path.Combine(_folder, "log.csv");
        File.WriteAllLines(file, _board.Events
            .Select(row => string.Create(CultureInfo.InvariantCulture, $"{row.User},{row.Item},{row.Timestamp}"))
            .Prepend("user,item,time"));
        TextLoader.Column[] columns =
        [
            new("User", DataKind.String, 0), new("Item", DataKind.String, 1), new("Timestamp", DataKind.Double, 2),
        ];
        IDataView log = _ml.Data.LoadFromTextFile(file, columns, separatorChar: ',', hasHeader: true);

        AssertSameModel(isRead ? _ml.Data.Cache(log) : log);
    }

    [Test]
    public void Fit_FromADatabase_GivesTheModelOfTheSameObjects()
    {
        string connection = CreateDatabase();
        DatabaseLoader loader = _ml.Data.CreateDatabaseLoader(
            new DatabaseLoader.Column("User", DbType.String, 0),
            new DatabaseLoader.Column("Item", DbType.String, 1),
            new DatabaseLoader.Column("Timestamp", DbType.Double, 2));

        AssertSameModel(loader.Load(new DatabaseSource(SqliteFactory.Instance, connection, "SELECT user, item, time FROM events ORDER BY id")));
    }

    [Test]
    public void Fit_OnwardsFromADatabase_GivesTheModelOfTheSameObjects()
    {
        string connection = CreateDatabase();
        DatabaseLoader loader = _ml.Data.CreateDatabaseLoader(
            new DatabaseLoader.Column("User", DbType.String, 0),
            new DatabaseLoader.Column("Item", DbType.String, 1),
            new DatabaseLoader.Column("Timestamp", DbType.Double, 2));
        IDataView first = loader.Load(new DatabaseSource(SqliteFactory.Instance, connection, "SELECT user, item, time FROM events WHERE time <= 130 ORDER BY id"));
        IDataView later = loader.Load(new DatabaseSource(SqliteFactory.Instance, connection, "SELECT user, item, time FROM events WHERE time > 130 ORDER BY id"));

        ITransformer model = CreateTrainer().Fit(later, CreateChain().Fit(first));

        ITransformer expected = CreateTrainer().Fit(
            Load(_board.Events.Where(row => row.Timestamp > 130)), CreateChain().Fit(Load(_board.Events.Where(row => row.Timestamp <= 130))));
        AssertEqual(model.DeviceCloudModel(), expected.DeviceCloudModel());
    }

    private string CreateDatabase()
    {
        string file = Path.Combine(_folder, $"{TestContext.CurrentContext.Test.Name}.db");
        File.Delete(file);
        string text = new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString();
        using SqliteConnection connection = new(text);
        connection.Open();
        using SqliteTransaction transaction = connection.BeginTransaction();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "CREATE TABLE events (id INTEGER PRIMARY KEY, user TEXT NOT NULL, item TEXT NOT NULL, time REAL NOT NULL)";
        command.ExecuteNonQuery();
        command.CommandText = "INSERT INTO events (user, item, time) VALUES ($user, $item, $time)";
        foreach (EventRow row in _board.Events)
        {
            command.Parameters.Clear();
            command.Parameters.AddWithValue("$user", row.User);
            command.Parameters.AddWithValue("$item", row.Item);
            command.Parameters.AddWithValue("$time", row.Timestamp);
            command.ExecuteNonQuery();
        }

        transaction.Commit();
        return text;
    }

    private void AssertSameModel(IDataView log) =>
        AssertEqual(CreateChain().Fit(log).DeviceCloudModel(), CreateChain().Fit(Load(_board.Events)).DeviceCloudModel());

    private static void AssertEqual(DeviceCloudPredictionTransformer actual, DeviceCloudPredictionTransformer expected)
    {
        Assert.That(actual.UserIds, Is.EqualTo(expected.UserIds));
        Assert.That(actual.ItemIds, Is.EqualTo(expected.ItemIds));
        Assert.That(actual.History.Cutoffs.ToArray(), Is.EqualTo(expected.History.Cutoffs.ToArray()));
        Assert.That(
            Enumerable.Range(1, actual.History.NumberOfUsers).Select(user => actual.History.GetItems(user).ToArray()),
            Is.EqualTo(Enumerable.Range(1, expected.History.NumberOfUsers).Select(user => expected.History.GetItems(user).ToArray())));
        Assert.That(actual.Parameters.Fingerprint, Is.EqualTo(expected.Parameters.Fingerprint));
    }

    private IDataView Load(IEnumerable<EventRow> rows) => _ml.Data.LoadFromEnumerable(rows);

    private IEstimator<ITransformer> CreateChain() => EventRow.MapKeys(_ml).Append(CreateTrainer());

    private DinTrainer CreateTrainer() => _ml.DeviceCloud().Trainers.Din(new DinTrainer.Options
    {
        Columns = new InteractionColumns("UserKey", "ItemKey", "Timestamp"),
        EmbeddingDimension = 4,
        HistoryLength = 6,
        ActivationUnitSize = 4,
        HiddenLayerSizes = [8],
        NumberOfEpochs = 1,
        NumberOfValidationUsers = 0,
    });
}
