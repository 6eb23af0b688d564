using DCCL.ML.Data;
using DCCL.ML.Interop;
using DCCL.ML.Scoring;
using Microsoft.ML;

namespace DCCL.ML;

/// <content>Key mappings that grow.</content>
public static partial class DeviceCloudExtensions
{
    /// <summary>Makes a model of the same form whose mappings of users and items to keys have keys for the ids of new data, too.</summary>
    /// <remarks>
    /// Old keys stay, new ones stand behind them, so that the DCCL transformer inside, which is the same, goes on as before: it does not
    /// know the new keys until it is retrained. A history column gets the keys of the item column, whose items it holds. Mappings of other
    /// columns, and everything else, stay as they are.
    /// </remarks>
    /// <param name="model">A DCCL transformer, which is given back, or a model with one inside.</param>
    /// <param name="data">The new data: raw, as the model takes them.</param>
    /// <returns>The model.</returns>
    /// <exception cref="ArgumentException">
    /// The model has no DCCL transformer, the data have no values of the type that the keys stand for, or the history's keys are not the item's.
    /// </exception>
    public static ITransformer WithGrownKeys(this ITransformer model, IDataView data)
    {
        ArgumentNullException.ThrowIfNull(data);
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        KeyGrower grower = new(transformer);
        Dictionary<ITransformer, ITransformer> replacements = [];
        foreach (ITransformer part in Flatten(model).TakeWhile(part => part is not DeviceCloudPredictionTransformer))
        {
            IDataView mapped = Apply(part, data);
            if (grower.TryGrow(KeyMappings.GetColumns(part), mapped.Schema, data) is ITransformer grown)
            {
                replacements[part] = grown;
                mapped = Apply(grown, data);
            }

            data = mapped;
        }

        return replacements.Count == 0 ? model : Replace(model, replacements);
    }

    private static ITransformer Replace(ITransformer model, Dictionary<ITransformer, ITransformer> replacements) =>
        replacements.TryGetValue(model, out ITransformer? replacement) ? replacement
        : model is IEnumerable<ITransformer> chain ? CreateChain([.. chain.Select(part => Replace(part, replacements))])
        : model;
}
