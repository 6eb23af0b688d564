using Microsoft.ML;

namespace DCCL.TestKit.Conformance;

/// <summary>What ML.NET's users rely on in every transformer.</summary>
public static class TransformerConformance
{
    /// <summary>Puts a transformer through all checks.</summary>
    /// <param name="context">Saves the model.</param>
    /// <param name="model">The transformer.</param>
    /// <param name="data">Data that it can transform.</param>
    /// <param name="options">What is known of it.</param>
    /// <exception cref="ConformanceException">It fails one.</exception>
    public static void Check(MLContext context, ITransformer model, IDataView data, ConformanceOptions? options = null)
    {
        options ??= new ConformanceOptions();
        SchemaChecks.CheckDelivery(model, data);
        SchemaChecks.CheckAnnotations(model, data);
        InputChecks.Check(model, data, options);
        CursorChecks.Check(model, data, options);
        CursorSetChecks.Check(model, data, options);
        MapperChecks.Check(model, data, options);
        PersistenceChecks.CheckLoading(context, model, data);
    }
}
