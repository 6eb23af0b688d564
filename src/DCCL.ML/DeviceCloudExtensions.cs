using DCCL.ML.Data;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML;

/// <summary>Reaches the catalog from an <see cref="MLContext"/>, and the DCCL transformer inside a model.</summary>
public static partial class DeviceCloudExtensions
{
    /// <summary>Gets the catalog of device-cloud collaborative learning.</summary>
    /// <param name="context">The context.</param>
    /// <returns>The catalog.</returns>
    public static DeviceCloudCatalog DeviceCloud(this MLContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return new DeviceCloudCatalog(context);
    }

    /// <summary>Finds the DCCL transformer of a model, which may be a chain with chains inside.</summary>
    /// <param name="model">The model.</param>
    /// <returns>The transformer; the model goes on using it.</returns>
    /// <exception cref="ArgumentException">The model has none, or more than one.</exception>
    public static DeviceCloudPredictionTransformer DeviceCloudModel(this ITransformer model)
    {
        ArgumentNullException.ThrowIfNull(model);
        List<DeviceCloudPredictionTransformer> found = [.. Flatten(model).OfType<DeviceCloudPredictionTransformer>()];
        return found.Count == 1
            ? found[0]
            : throw new ArgumentException(
                $"The model must have one transformer of a DCCL trainer, but has {found.Count} "
                + $"({string.Join(", ", Flatten(model).Select(part => part.GetType().Name))}). "
                + (found.Count == 0 ? "Append one of the DeviceCloud trainers." : "Pass the part of the chain that ends in the one you mean."),
                nameof(model));
    }

    /// <summary>Applies to data what stands in a model before the DCCL transformer, such as the mapping of ids to keys.</summary>
    /// <param name="model">A model with one DCCL transformer.</param>
    /// <param name="data">The raw data, such as a log.</param>
    /// <returns>What the DCCL transformer gets to see.</returns>
    /// <exception cref="ArgumentException">A column that these parts read is missing or of another type.</exception>
    public static IDataView TransformBeforeDeviceCloud(this ITransformer model, IDataView data)
    {
        ArgumentNullException.ThrowIfNull(data);
        DeviceCloudModel(model);
        foreach (ITransformer part in Flatten(model).TakeWhile(part => part is not DeviceCloudPredictionTransformer))
        {
            data = Apply(part, data);
        }

        return data;
    }

    /// <summary>Reads a raw log as a model sees it: with its key values, and without the events of users and items that it has no row for.</summary>
    /// <param name="model">A model with one DCCL transformer.</param>
    /// <param name="log">The raw log.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    /// <returns>A log of the model's users and items; <see cref="InteractionLog.NumberOfDroppedEvents"/> counts what it does not know.</returns>
    /// <exception cref="ArgumentException">A column is missing, of another type, or mapped otherwise than the model's log.</exception>
    /// <exception cref="InvalidDataException">A value of the log cannot be.</exception>
    public static InteractionLog ReadLog(this ITransformer model, IDataView log, CancellationToken cancellationToken = default)
    {
        IDataView keyed = model.TransformBeforeDeviceCloud(log);
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        transformer.Columns.Check(keyed.Schema);
        transformer.GetOutputSchema(keyed.Schema); // also of what keys mean, and of the length of profiles
        return InteractionLog.Read(keyed, transformer.Columns, cancellationToken)
            .LimitTo(transformer.History.NumberOfUsers, transformer.Parameters.Architecture.NumberOfItems);
    }

    /// <summary>Makes a model of the same form with another DCCL transformer inside; the other parts are shared.</summary>
    /// <param name="model">A model with one DCCL transformer.</param>
    /// <param name="replacement">What takes its place.</param>
    /// <returns><paramref name="replacement"/> itself, or a chain with it inside.</returns>
    public static ITransformer ReplaceDeviceCloudModel(this ITransformer model, DeviceCloudPredictionTransformer replacement)
    {
        ArgumentNullException.ThrowIfNull(replacement);
        DeviceCloudModel(model);
        return Replace(model, replacement);
    }

    private static ITransformer Replace(ITransformer model, ITransformer replacement) => model switch
    {
        DeviceCloudPredictionTransformer => replacement,
        IEnumerable<ITransformer> chain => CreateChain([.. chain.Select(part => Replace(part, replacement))]),
        _ => model,
    };

    /// <summary>As fitting an estimator chain would: the chain is typed by the transformer it ends in, where that is ours.</summary>
    private static ITransformer CreateChain(ITransformer[] parts) => parts[^1] is DeviceCloudPredictionTransformer
        ? new TransformerChain<DeviceCloudPredictionTransformer>(parts)
        : new TransformerChain<ITransformer>(parts);

    private static IEnumerable<ITransformer> Flatten(ITransformer model) =>
        model is IEnumerable<ITransformer> chain ? chain.SelectMany(Flatten) : [model];
}
