using DCCL.ML;
using DCCL.TestKit.Conformance;
using Microsoft.ML;

namespace DCCL.TestKit;

/// <summary>What ML.NET's users rely on in every estimator and in the transformer that it fits.</summary>
public static class EstimatorConformance
{
    /// <summary>Puts an estimator, and the transformer that it fits, through all checks.</summary>
    /// <param name="load">Loads the data, the same in every context.</param>
    /// <param name="create">Creates the estimator, the same in every context.</param>
    /// <param name="options">What is known of it; null for an estimator of this library of which no column is known.</param>
    /// <exception cref="ConformanceException">It fails one.</exception>
    public static void Check(
        Func<MLContext, IDataView> load, Func<MLContext, IEstimator<ITransformer>> create, ConformanceOptions? options = null)
    {
        options ??= new ConformanceOptions { HasOwnSeed = true, ExplainsFaults = true };
        MLContext context = new(seed: 1);
        IDataView data = load(context);
        IEstimator<ITransformer> estimator = create(context);
        InputChecks.Check(estimator, data, options);

        // A context draws a number for each thing that is made in it: a fresh one, in the order in which the second model will be made.
        context = new MLContext(seed: 1);
        data = load(context);
        ITransformer model = create(context).Fit(data);
        SchemaChecks.CheckPromise(estimator, model, data);
        PersistenceChecks.CheckDeterminism(load, create, context, model, data, options);

        // What an estimator reads is more than what its transformer does: a time, say.
        TransformerConformance.Check(context, model, data, options with { Inputs = [] });
    }

    /// <summary>The shape of a schema, as an estimator sees it before fitting.</summary>
    public static SchemaShape Describe(DataViewSchema schema) => SchemaShapeColumns.Of(schema);
}
