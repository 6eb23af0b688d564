using DCCL.ML.Data;
using DCCL.ML.Interop;
using DCCL.ML.Model;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Scoring;

/// <summary>Scores user-item pairs with a cloud model and each user's patch: what the DCCL trainers return.</summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>Input column</term><description>Type</description></listheader>
/// <item><term>user, item</term><description>Key&lt;UInt32&gt;; 0, and keys the model has no row for, are unknown; where keys carry their
/// values, these must be the model's ids</description></item>
/// <item><term>history (if there is such a column)</term><description>vector of Key&lt;UInt32&gt;, the user's items before this
/// moment, oldest first; takes the place of the history the model remembers, even if empty</description></item>
/// <item><term>profile (if there is such a column)</term><description>Single or vector of Single; takes the place of the profile the model
/// remembers, unless a value is missing</description></item>
/// </list>
/// <list type="table">
/// <listheader><term>Output column</term><description>Type</description></listheader>
/// <item><term>Score</term><description>Single, the logit; NaN for an unknown item, never for an unknown user</description></item>
/// <item><term>Probability</term><description>Single, the sigmoid of the score</description></item>
/// <item><term>PredictedLabel</term><description>Boolean, whether the score is above zero</description></item>
/// <item><term>PatchStatus</term><description>Key&lt;UInt32&gt; whose values are the names of <see cref="Model.PatchStatus"/>
/// </description></item>
/// </list>
/// <para>
/// A row gets the same bits, whatever rows are scored with it, on any number of threads and through any number of cursors, and alone in a
/// prediction engine. (A <see cref="Recommendation.Recommender"/> that ranks many candidates adds the same numbers in another order, which changes the
/// last bits.)
/// </para>
/// <para>
/// Immutable and thread-safe. Holds a native session from the first score on. <see cref="Dispose"/> frees it, and so does the
/// finalizer of a forgotten one; a transformer used after that opens a new one, because ML.NET's prediction engines dispose the model they
/// were made from.
/// </para>
/// </remarks>
public sealed class DeviceCloudPredictionTransformer : ITransformer, IDisposable
{
    /// <summary>The name of the column that holds a row's own history, unless another is set.</summary>
    public const string DefaultHistoryColumnName = "History";

    private readonly Lock _lock = new();
    private ModelScorer? _scorer;

    /// <summary>Creates a transformer.</summary>
    /// <param name="parameters">The cloud model, and the basis and encoder of the patches if there are any.</param>
    /// <param name="patches">The users' patches; null if nobody has one.</param>
    /// <param name="history">What the model remembers of its users.</param>
    /// <param name="columns">
    /// The columns of the log the model was trained on; user, item and profile are also those of the data to score.
    /// </param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public DeviceCloudPredictionTransformer(
        DeviceCloudModelParameters parameters, UserPatches? patches, BehaviorHistory history, InteractionColumns columns)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(history);
        ArgumentNullException.ThrowIfNull(columns);
        BackboneArchitecture architecture = parameters.Architecture;
        if (history.LargestItem > architecture.NumberOfItems || history.ProfileDimension != architecture.ProfileDimension)
        {
            throw new ArgumentException(
                $"The history must have items up to {architecture.NumberOfItems} and profiles of length {architecture.ProfileDimension}, "
                + $"but has items up to {history.LargestItem} and profiles of length {history.ProfileDimension}. "
                + "Make it with BehaviorHistory.FromLog.",
                nameof(history));
        }

        Parameters = parameters;
        Patches = patches;
        PatchSelector = new PatchSelector(parameters, patches);
        History = history;
        Columns = columns;
    }

    /// <summary>Gets the cloud model, and the basis and encoder of the patches if there are any.</summary>
    public DeviceCloudModelParameters Parameters { get; }

    /// <summary>Gets the users' patches; null if nobody has one.</summary>
    public UserPatches? Patches { get; }

    /// <summary>Gets what the model remembers of its users.</summary>
    public BehaviorHistory History { get; }

    /// <summary>Gets the columns of the log the model was trained on; user, item and profile are also those of the data to score.</summary>
    public InteractionColumns Columns { get; }

    /// <summary>Gets the name of the column that holds a row's own history, if the data have such a column.</summary>
    /// <value>The default is <see cref="DefaultHistoryColumnName"/>.</value>
    /// <remarks>
    /// When data are loaded from objects with <see cref="KeyTypeAttribute"/>, ML.NET 5 adds one to a key, but takes keys inside a vector
    /// as they are. Mapping ids with <c>MapValueToKey</c> has no such trap.
    /// </remarks>
    public string HistoryColumnName { get; init; } = DefaultHistoryColumnName;

    /// <summary>Gets the raw ids of users 1, 2, ...; null if the key numbers are all there is.</summary>
    public IReadOnlyList<string>? UserIds { get; init => field = CheckIds(value, History.NumberOfUsers, "users"); }

    /// <summary>Gets the raw ids of items 1, 2, ...; null if the key numbers are all there is.</summary>
    public IReadOnlyList<string>? ItemIds { get; init => field = CheckIds(value, Parameters.Architecture.NumberOfItems, "items"); }

    /// <summary>Gets the number of threads used for scoring a batch. It is not saved with the model.</summary>
    /// <value>The default is 0, which means one per processor.</value>
    public int NumberOfThreads { get; init; }

    /// <summary>Gets what chooses each user's patch.</summary>
    public PatchSelector PatchSelector { get; }

    /// <summary>Gets the scorer of the model, opened when first asked for and owned by the transformer.</summary>
    public ModelScorer Scorer
    {
        get
        {
            lock (_lock)
            {
                return _scorer ??= new ModelScorer(Parameters, NumberOfThreads);
            }
        }
    }

    /// <summary>Makes a copy with other patches.</summary>
    /// <param name="patches">The users' patches, learnt on this model; null for none.</param>
    /// <param name="history">What the new model remembers of its users; null for the same as this one.</param>
    /// <returns>The copy; it has a session of its own.</returns>
    public DeviceCloudPredictionTransformer WithPatches(UserPatches? patches, BehaviorHistory? history = null) =>
        WithModel(Parameters, patches, history);

    /// <summary>Makes a copy that serves everybody by the cloud model: without the users' patches, and without those that the encoder predicts.</summary>
    /// <returns>The copy; it has a session of its own.</returns>
    public DeviceCloudPredictionTransformer WithoutPatches()
    {
        if (PatchSelector.PatchSize == 0)
        {
            return WithPatches(null);
        }

        PatchStatus[] statuses = new PatchStatus[History.NumberOfUsers];
        Array.Fill(statuses, PatchStatus.Gated); // who merely has no patch would get a predicted one
        return WithPatches(new UserPatches(PatchSelector.PatchSize, new float[PatchSelector.PatchSize * statuses.Length], statuses));
    }

    /// <summary>Makes a copy with another model and patches; columns, ids and number of threads stay.</summary>
    /// <param name="parameters">The new model.</param>
    /// <param name="patches">The users' patches, learnt on or migrated to the new model; null for none.</param>
    /// <param name="history">What the new model remembers of its users; null for the same as this one.</param>
    /// <returns>The copy; it has a session of its own.</returns>
    public DeviceCloudPredictionTransformer WithModel(
        DeviceCloudModelParameters parameters, UserPatches? patches, BehaviorHistory? history = null) =>
        new(parameters, patches, history ?? History, Columns)
        {
            HistoryColumnName = HistoryColumnName,
            UserIds = UserIds,
            ItemIds = ItemIds,
            NumberOfThreads = NumberOfThreads,
        };

    /// <inheritdoc/>
    public bool IsRowToRowMapper => true;

    /// <summary>Gets the columns that come out, or says which input is missing or of another type.</summary>
    /// <param name="inputSchema">The columns that go in.</param>
    /// <returns>The input columns, then Score, Probability, PredictedLabel and PatchStatus.</returns>
    /// <exception cref="ArgumentException">
    /// A column is missing, of another type, or its keys stand for other ids than in the log that the model was trained on; the message
    /// says which, and what to do.
    /// </exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => GetOutputSchema(inputSchema, comparesKeys: true);

    /// <inheritdoc/>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => new ScoredRowMapper(this, inputSchema);

    /// <summary>Scores data lazily, in batches, while they are read.</summary>
    /// <param name="input">The user-item pairs.</param>
    /// <returns>The pairs and their scores.</returns>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new ScoredDataView(this, input);
    }

    /// <summary>Frees the native session. A transformer used after that opens a new one.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _scorer?.Dispose();
            _scorer = null;
        }
    }

    internal DataViewSchema GetOutputSchema(DataViewSchema inputSchema, bool comparesKeys)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        _ = new InputColumns(this, inputSchema, comparesKeys);
        return OutputColumns.Append(inputSchema);
    }

    /// <summary>Scores a batch, whoever disposes of the model meanwhile.</summary>
    internal void Score(ScoringBatch batch) => Score(scorer => scorer.ScoreHeld(batch));

    /// <summary>Scores groups that have been laid out in a batch and checked, whoever disposes of the model meanwhile.</summary>
    internal void Score(ScoringBatch batch, IReadOnlyList<ScoringRange> ranges) => Score(scorer => scorer.ScoreHeld(batch, ranges));

    private void Score(Action<ModelScorer> score)
    {
        ModelScorer scorer;
        lock (_lock)
        {
            scorer = Scorer;
            scorer.Hold();
        }

        try
        {
            score(scorer);
        }
        finally
        {
            scorer.Release();
        }
    }

    void ICanSaveModel.Save(ModelSaveContext ctx) => PredictionTransformerLoader.Save(ctx, this);

    private static IReadOnlyList<string>? CheckIds(IReadOnlyList<string>? ids, int count, string name) =>
        ids is null || ids.Count == count
            ? ids
            : throw new ArgumentException($"There must be ids of the model's {count} {name}, but there are {ids.Count}.", nameof(ids));
}
