using System.Globalization;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Recommendation;
using DCCL.Trainers;
using FromDatabase;
using Microsoft.Data.Sqlite;
using Microsoft.ML;
using Microsoft.ML.Data;

// Trains from a database by ML.NET's own DatabaseLoader: here a SQLite file that the example makes itself.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
bool isQuick = args.Contains("--quick");
string file = Path.Combine(Path.GetTempPath(), $"dccl-{Environment.ProcessId}.db");
string connection = new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString();
try
{
    SyntheticDeviceCloud generator = new(new()
    {
        NumberOfUsers = isQuick ? 60 : 400,
        NumberOfItems = isQuick ? 40 : 200,
        ProfileDimension = 0,
    });
    ShopDatabase.Create(connection, generator.Events);

    // A column is read as the type that the loader is told, so that the query must give it that type: SQLite's integers are 64-bit.
    MLContext ml = new(seed: 1);
    DatabaseLoader loader = ml.Data.CreateDatabaseLoader(
        new DatabaseLoader.Column("UserId", System.Data.DbType.String, 0),
        new DatabaseLoader.Column("ItemId", System.Data.DbType.String, 1),
        new DatabaseLoader.Column("Timestamp", System.Data.DbType.Int64, 2));
    IDataView log = loader.Load(new DatabaseSource(
        SqliteFactory.Instance,
        connection,
        "SELECT o.customer, l.product, o.time FROM orders o JOIN order_lines l ON l.order_id = o.id ORDER BY o.time, l.id"));

    ITransformer model = ml.Transforms.Conversion
        .MapValueToKey([new("User", "UserId"), new("Item", "ItemId")])
        .Append(ml.DeviceCloud().Trainers.Din(new DinTrainer.Options
        {
            Columns = new InteractionColumns("User", "Item", "Timestamp"),
            NumberOfEpochs = isQuick ? 2 : 10,
        }))
        .Fit(log);
    PrintSize(model);

    // What is out of stock is a matter of the database, now, and not of the model.
    using Recommender recommender = ml.DeviceCloud().CreateRecommender(model);
    HashSet<string> inStock = ShopDatabase.ReadProductsInStock(connection);
    RecommendationOptions options = new() { Filter = inStock.Contains };
    Console.WriteLine($"u1, in stock: {string.Join(", ", recommender.Recommend("u1", 5, options).Select(item => item.ItemId))}");
    Console.WriteLine($"all of them in stock: {recommender.Recommend("u1", 5, options).All(item => inStock.Contains(item.ItemId))}");
    return 0;
}
finally
{
    File.Delete(file);
}

static void PrintSize(ITransformer model) => Console.WriteLine(
    $"trained from the database: {model.DeviceCloudModel().UserIds!.Count} customers, {model.DeviceCloudModel().ItemIds!.Count} products");

// With --quick it prints, the items as they come:
//
//   trained from the database: 60 customers, 40 products
//   u1, in stock: i9, i2, i21, i18, i31
//   all of them in stock: True
