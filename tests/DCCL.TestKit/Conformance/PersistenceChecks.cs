using Microsoft.ML;

namespace DCCL.TestKit.Conformance;

/// <summary>A model that was saved and loaded is the same; one that was fitted twice, too.</summary>
internal static class PersistenceChecks
{
    public const string Loading = "Save and load";
    public const string Determinism = "Determinism";

    public static void CheckLoading(MLContext context, ITransformer model, IDataView data)
    {
        using MemoryStream stream = new();
        context.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        ITransformer loaded = new MLContext(seed: 3).Model.Load(stream, out DataViewSchema schema);
        string expected = DescribeType(model);
        if (DescribeType(loaded) != expected)
        {
            throw new ConformanceException(Loading, $"the type must stay {expected}, but becomes {DescribeType(loaded)}.");
        }

        SchemaText.Compare(Loading, SchemaText.DescribeTypes(schema), SchemaText.DescribeTypes(data.Schema));
        IDataView before = model.Transform(data);
        IDataView after = loaded.Transform(data);
        SchemaText.Compare(Loading, SchemaText.Describe(after.Schema), SchemaText.Describe(before.Schema));
        DataViewSchema.Column[] columns = [.. before.Schema];
        Table.Compare(Loading, Table.Read(after, [.. after.Schema]), Table.Read(before, columns), columns, 0);
        CompareParts(Loading, ModelParts.Read(context, loaded, data.Schema), ModelParts.Read(context, model, data.Schema));
    }

    public static void CheckDeterminism(
        Func<MLContext, IDataView> load, Func<MLContext, IEstimator<ITransformer>> create, MLContext context, ITransformer model,
        IDataView data, ConformanceOptions options)
    {
        MLContext fresh = new(seed: options.HasOwnSeed ? 2 : 1);
        IDataView same = load(fresh);
        ITransformer again = create(fresh).Fit(same);
        CompareParts(Determinism, ModelParts.Read(fresh, again, data.Schema), ModelParts.Read(context, model, data.Schema));
    }

    // ML.NET loads every chain as one of ITransformer: what counts are its parts.
    private static string DescribeType(ITransformer model) => model is IEnumerable<ITransformer> chain
        ? $"({string.Join(", ", chain.Select(DescribeType))})"
        : model.GetType().ToString();

    private static void CompareParts(string check, SortedDictionary<string, byte[]> actual, SortedDictionary<string, byte[]> expected)
    {
        if (!actual.Keys.SequenceEqual(expected.Keys))
        {
            throw new ConformanceException(
                check, $"the saved model must have the parts {string.Join(", ", expected.Keys)}, but has {string.Join(", ", actual.Keys)}.");
        }

        foreach ((string name, byte[] bytes) in expected)
        {
            if (!actual[name].AsSpan().SequenceEqual(bytes))
            {
                throw new ConformanceException(
                    check, $"the part '{name}' must have the same {bytes.Length} bytes, but differs at {actual[name].AsSpan().CommonPrefixLength(bytes)}.");
            }
        }
    }
}
