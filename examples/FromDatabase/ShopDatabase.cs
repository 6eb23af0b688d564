using DCCL.ML.Data;
using Microsoft.Data.Sqlite;

namespace FromDatabase;

/// <summary>A small shop: orders, their lines, and products, a tenth of them out of stock.</summary>
internal static class ShopDatabase
{
    public static void Create(string connectionString, IReadOnlyList<SyntheticEvent> events)
    {
        using SqliteConnection connection = new(connectionString);
        connection.Open();
        using SqliteTransaction transaction = connection.BeginTransaction();
        Execute("CREATE TABLE products (id TEXT PRIMARY KEY, stock INTEGER NOT NULL)");
        Execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, time INTEGER NOT NULL)");
        Execute("CREATE TABLE order_lines (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders, product TEXT NOT NULL REFERENCES products)");
        string[] products = [.. events.Select(row => row.ItemId).Distinct()];
        for (int i = 0; i < products.Length; i++)
        {
            Execute("INSERT INTO products VALUES ($0, $1)", products[i], i % 10 == 0 ? 0 : 5);
        }

        for (int i = 0; i < events.Count; i++)
        {
            Execute("INSERT INTO orders VALUES ($0, $1, $2)", i, events[i].UserId, events[i].Timestamp);
            Execute("INSERT INTO order_lines VALUES ($0, $1, $2)", i, i, events[i].ItemId);
        }

        transaction.Commit();

        void Execute(string text, params ReadOnlySpan<object> values)
        {
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = text;
            for (int i = 0; i < values.Length; i++)
            {
                command.Parameters.AddWithValue($"${i}", values[i]);
            }

            command.ExecuteNonQuery();
        }
    }

    public static HashSet<string> ReadProductsInStock(string connectionString)
    {
        using SqliteConnection connection = new(connectionString);
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "SELECT id FROM products WHERE stock > 0";
        using SqliteDataReader reader = command.ExecuteReader();
        HashSet<string> products = [];
        while (reader.Read())
        {
            products.Add(reader.GetString(0));
        }

        return products;
    }
}
