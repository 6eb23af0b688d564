using DCCL.ML.Interop;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
using DCCL.ML.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Scoring;

/// <summary>Builds a chain of Microsoft's own transformers that scores as a prediction transformer does.</summary>
/// <remarks>
/// <c>MapValue</c> makes numbers of the two keys, 0 of those that the model does not know; <c>ApplyOnnxModel</c> runs the
/// <see cref="StockGraph"/>; linear models make scalar columns of its outputs (<see cref="StockScorers"/>), a Platt calibrator
/// the probability, and <c>MapValue</c> the status.
/// </remarks>
internal sealed class StockChain
{
    private const string StatusNumber = "dccl.status.number";

    private readonly MLContext _ml;
    private readonly List<ITransformer> _parts = [];
    private IDataView _rows;

    private StockChain(MLContext ml, IDataView rows)
    {
        _ml = ml;
        _rows = rows;
    }

    /// <summary>Builds the chain.</summary>
    /// <exception cref="NotSupportedException">The model is too large for an ONNX file.</exception>
    public static ITransformer Create(DeviceCloudPredictionTransformer model)
    {
        byte[] graph = Write(StockGraph.Build(model));
        int numberOfUsers = model.History.NumberOfUsers;
        int numberOfItems = model.Parameters.Architecture.NumberOfItems;
        MLContext ml = new();
        SchemaDefinition schema = SchemaDefinition.Create(typeof(Pair));
        (schema[0].ColumnName, schema[0].ColumnType) = (model.Columns.UserColumnName, new KeyDataViewType(typeof(uint), Math.Max(1, numberOfUsers)));
        (schema[1].ColumnName, schema[1].ColumnType) = (model.Columns.ItemColumnName, new KeyDataViewType(typeof(uint), numberOfItems));
        StockChain chain = new(ml, ml.Data.LoadFromEnumerable<Pair>([], schema));
        chain.AddNumber(StockGraph.UserInput, model.Columns.UserColumnName, numberOfUsers);
        chain.AddNumber(StockGraph.ItemInput, model.Columns.ItemColumnName, numberOfItems);
        chain.AddScores(graph);
        return new TransformerChain<ITransformer>([.. chain._parts]);
    }

    /// <summary>A vector of bytes no longer than what ONNX files, which are protocol buffers, may have.</summary>
    private static byte[] Write(ModelProto model)
    {
        try
        {
            return model.ToByteArray();
        }
        catch (OverflowException fault)
        {
            throw new NotSupportedException(
                "The model with all its users must fit into an ONNX file of 2 GB, but does not. Save it with mlContext.Model.Save.", fault);
        }
    }

    private void Add(IEstimator<ITransformer> estimator) => Add(estimator.Fit(_rows));

    private void Add(ITransformer part)
    {
        _parts.Add(part);
        _rows = part.Transform(_rows);
    }

    private void AddNumber(string output, string key, int count)
    {
        SchemaDefinition schema = SchemaDefinition.Create(typeof(KeyNumber));
        schema[nameof(KeyNumber.Key)].ColumnType = new KeyDataViewType(typeof(uint), Math.Max(1, count));
        KeyNumber[] numbers = new KeyNumber[count];
        for (int i = 0; i < count; i++)
        {
            numbers[i] = new KeyNumber { Key = (uint)i, Number = i + 1 }; // ML.NET 5 adds one to keys that it loads from objects
        }

        IDataView table = _ml.Data.LoadFromEnumerable(numbers, schema);
        Add(_ml.Transforms.Conversion.MapValue(
            output, table, table.Schema[nameof(KeyNumber.Key)], table.Schema[nameof(KeyNumber.Number)], key));
    }

    private void AddScores(byte[] graph)
    {
        using MemoryStream stream = new(graph);
        Add(_ml.Transforms.ApplyOnnxModel(
            outputColumnNames: [StockGraph.ScoreOutput, StockGraph.StatusOutput],
            inputColumnNames: [StockGraph.UserInput, StockGraph.ItemInput],
            modelBytes: stream));

        // The status first: both models call their output Score, and the last one of a name is the one that counts.
        Add(StockScorers.CreateRegression(_ml, _rows.Schema, StockGraph.StatusOutput));
        Add(_ml.Transforms.CopyColumns(StatusNumber, OutputColumns.Score));
        Add(_ml.Transforms.Conversion.MapValue(
            OutputColumns.PatchStatus,
            Enum.GetValues<PatchStatus>().Select(status => KeyValuePair.Create((float)status, status.ToString())),
            StatusNumber,
            treatValuesAsKeyType: true));
        Add(StockScorers.CreateBinaryClassifier(_ml, _rows.Schema, StockGraph.ScoreOutput));
        Add(_ml.BinaryClassification.Calibrators.Platt(slope: -1, offset: 0));
        Add(_ml.Transforms.DropColumns(
            StockGraph.UserInput, StockGraph.ItemInput, StockGraph.ScoreOutput, StockGraph.StatusOutput, StatusNumber));
    }

    private sealed class Pair
    {
        public uint User { get; set; }

        public uint Item { get; set; }
    }

    private sealed class KeyNumber
    {
        public uint Key { get; set; }

        public long Number { get; set; }
    }
}
