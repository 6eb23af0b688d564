using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace StockConsumer;

/// <summary>Loads a model's zip and scores rows of raw ids with it, one line of text in, one line out.</summary>
internal static class Program
{
    public static int Main(string[] args)
    {
        if (args.Length != 2)
        {
            Console.Error.WriteLine("usage: StockConsumer MODEL ROWS");
            return 2;
        }

        MLContext ml = new(seed: 1);
        ITransformer model = ml.Model.Load(args[0], out _);
        Row[] rows = [.. File.ReadLines(args[1]).Select(line => line.Split('\t')).Select(ids => new Row { UserId = ids[0], ItemId = ids[1] })];
        IDataView scored = model.Transform(ml.Data.LoadFromEnumerable(rows));
        VBuffer<ReadOnlyMemory<char>> statuses = default;
        scored.Schema["PatchStatus"].GetKeyValues(ref statuses);
        foreach (Prediction row in ml.Data.CreateEnumerable<Prediction>(scored, reuseRowObject: true))
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{row.Score:R}\t{row.Probability:R}\t{row.PredictedLabel}\t{statuses.GetItemOrDefault((int)row.PatchStatus - 1)}"));
        }

        string[] foreign = [.. AppDomain.CurrentDomain.GetAssemblies()
            .Select(assembly => assembly.GetName().Name!)
            .Where(name => name.StartsWith("DCCL", StringComparison.OrdinalIgnoreCase))];
        Console.Error.Write(string.Join(", ", foreign));
        return foreign.Length;
    }

    private sealed class Row
    {
        public string UserId { get; set; } = "";

        public string ItemId { get; set; } = "";
    }

    private sealed class Prediction
    {
        public float Score { get; set; }

        public float Probability { get; set; }

        public bool PredictedLabel { get; set; }

        public uint PatchStatus { get; set; }
    }
}
