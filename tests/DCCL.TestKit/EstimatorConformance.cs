using DCCL.ML;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.TestKit;

/// <summary>What every estimator has to keep.</summary>
public static class EstimatorConformance
{
    /// <summary>
    /// Asserts that the columns promised before fitting are those that come out, that fitting in a fresh context gives the same
    /// bytes, and that a saved model scores as before.
    /// </summary>
    /// <param name="load">Loads the data.</param>
    /// <param name="create">Creates the estimator.</param>
    public static void Check(Func<MLContext, IDataView> load, Func<MLContext, IEstimator<ITransformer>> create)
    {
        MLContext context = new(seed: 1);
        IDataView data = load(context);
        IEstimator<ITransformer> estimator = create(context);
        SchemaShape promised = estimator.GetOutputSchema(Describe(data.Schema));
        ITransformer model = estimator.Fit(data);

        IDataView scored = model.Transform(data);
        Assert.That(Name(Describe(scored.Schema)), Is.EquivalentTo(Name(promised)));
        Assert.That(Name(Describe(model.GetOutputSchema(data.Schema))), Is.EqualTo(Name(Describe(scored.Schema))));

        // Another seed of the context: the estimator's own seed decides.
        MLContext fresh = new(seed: 2);
        ITransformer again = create(fresh).Fit(load(fresh));
        Assert.That(ModelParts.Read(fresh, again, data.Schema), Is.EqualTo(ModelParts.Read(context, model, data.Schema)));

        using MemoryStream stream = new();
        context.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        ITransformer loaded = new MLContext(seed: 3).Model.Load(stream, out DataViewSchema loadedSchema);
        Assert.That(loaded.GetType(), Is.EqualTo(model.GetType()));
        Assert.That(Name(Describe(loadedSchema)), Is.EqualTo(Name(Describe(data.Schema))));
        Assert.That(Read(loaded.Transform(data)), Is.EqualTo(Read(scored)));
    }

    /// <summary>The shape of a schema, as an estimator sees it before fitting.</summary>
    public static SchemaShape Describe(DataViewSchema schema) =>
        new(schema.Where(column => !column.IsHidden).Select(column => column.Type switch
        {
            KeyDataViewType => SchemaShapeColumns.Key(column.Name),
            VectorDataViewType vector => SchemaShapeColumns.Vector(column.Name, vector.ItemType),
            _ => SchemaShapeColumns.Scalar(column.Name, column.Type),
        }));

    private static string[] Name(SchemaShape shape) => [.. shape.Select(column => $"{column.Name}: {SchemaShapeColumns.Describe(column)}")];

    private static (float Score, float Probability, bool Label, uint Status)[] Read(IDataView scored) =>
    [
        .. scored.GetColumn<float>("Score").Zip(scored.GetColumn<float>("Probability"), scored.GetColumn<bool>("PredictedLabel"))
            .Zip(scored.GetColumn<uint>("PatchStatus"), (row, status) => (row.First, row.Second, row.Third, status)),
    ];
}
