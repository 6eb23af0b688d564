using DCCL.ML.Data;
using DCCL.ML.Interop;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace DCCL.ML.Recommendation;

/// <summary>Adds to each row the best items for its user, chosen among all items with the user's own patch.</summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>Input column</term><description>Type</description></listheader>
/// <item><term>user</term><description>Key&lt;UInt32&gt; as the model was trained with, or text: the raw id</description></item>
/// <item><term>history (if there is such a column)</term><description>vector of Key&lt;UInt32&gt;, the user's items before this
/// moment, oldest first; takes the place of the history the model remembers, even if empty, and is what counts as seen</description></item>
/// <item><term>profile (if there is such a column)</term><description>Single or vector of Single; takes the place of the profile the model
/// remembers, unless a value is missing</description></item>
/// </list>
/// <list type="table">
/// <listheader><term>Output column</term><description>Type</description></listheader>
/// <item><term>TopItems</term><description>vector of Key&lt;UInt32&gt;, the best first; <c>MapKeyToValue</c> makes raw ids of them</description></item>
/// <item><term>TopScores</term><description>vector of Single, the items' logits</description></item>
/// </list>
/// <para>
/// A user whom it does not know is served by the cloud model. There is nothing to learn: <see cref="Fit"/> only checks the columns.
/// <see cref="Recommender"/> offers more to a service: filters, candidates, and histories that grow. Thread-safe.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// var top = mlContext.DeviceCloud().Transforms.TopItems(model, 10).Append(mlContext.Transforms.Conversion.MapKeyToValue("TopItems"));
/// </code>
/// </example>
public sealed partial class TopItemsEstimator : IEstimator<TopItemsTransformer>
{
    private readonly IHostEnvironment _environment;
    private readonly DeviceCloudPredictionTransformer _model;
    private readonly Options _options;

    internal TopItemsEstimator(IHostEnvironment environment, DeviceCloudPredictionTransformer model, Options options)
    {
        _environment = environment;
        options.Validate();
        _model = model;
        _options = options;
    }

    /// <summary>Makes the transformer.</summary>
    /// <param name="input">Rows with users; only the types of their columns count.</param>
    /// <returns>The transformer; it shares the model's weights, but no native session.</returns>
    /// <exception cref="ArgumentException">The user column is missing, or a column is of another type.</exception>
    public TopItemsTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        TopItemsTransformer transformer = new(_model.WithPatches(_model.Patches), _options);
        transformer.GetOutputSchema(input.Schema);
        using IChannel channel = _environment.Start(nameof(TopItemsEstimator));
        channel.Info(
            MessageSensitivity.None,
            $"The best {_options.NumberOfItems} of {_model.Parameters.Architecture.NumberOfItems} items for {_model.History.NumberOfUsers} users, "
            + $"{_model.Patches?.NumberOfPatchedUsers ?? 0} of them with a patch.");
        return transformer;
    }

    /// <summary>Checks the columns and says what will come out.</summary>
    /// <param name="inputSchema">The shape of the input.</param>
    /// <returns>The input columns, then the items and their scores.</returns>
    /// <exception cref="ArgumentException">The user column is missing, or a column is of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        string user = _options.UserColumnName ?? _model.Columns.UserColumnName;
        TopItemsColumns.CheckUser(user, SchemaShapeColumns.TryFind(inputSchema, user, out SchemaShape.Column column)
            ? ColumnShape.Of(column)
            : throw InteractionColumns.Missing(user, inputSchema.Select(other => other.Name)));
        int profileDimension = _model.Parameters.Architecture.ProfileDimension; // a shape has no sizes: those of the data are seen in Fit
        _ = new ContextColumns(_model, StandInSchema.Create(inputSchema, Math.Max(1, profileDimension)), comparesKeys: false);
        return SchemaShapeColumns.Append(
            inputSchema,
            SchemaShapeColumns.KeyVector(_options.ItemsColumnName, _model.ItemIds is null ? null : TextDataViewType.Instance),
            SchemaShapeColumns.Vector(_options.ScoresColumnName, NumberDataViewType.Single));
    }
}
