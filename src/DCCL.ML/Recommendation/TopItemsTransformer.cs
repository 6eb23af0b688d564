using DCCL.ML.Interop;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Recommendation;

/// <summary>Adds to each row the best items for its user; <see cref="TopItemsEstimator"/> describes the columns.</summary>
/// <remarks>
/// Immutable and thread-safe. Holds native sessions from the first row on. <see cref="Dispose"/> frees them; a transformer used after
/// that opens new ones, because ML.NET's prediction engines dispose the model they were made from.
/// </remarks>
public sealed class TopItemsTransformer : ITransformer, IDisposable
{
    private readonly Lazy<Dictionary<string, int>> _users;
    private readonly int[] _candidates;

    internal TopItemsTransformer(DeviceCloudPredictionTransformer model, TopItemsEstimator.Options options)
    {
        Model = model;
        Options = options;
        _users = new Lazy<Dictionary<string, int>>(() => RawIds.Index(RawIds.OfUsers(model)));
        _candidates = [.. Enumerable.Range(1, model.Parameters.Architecture.NumberOfItems)];
    }

    /// <summary>Gets the options.</summary>
    public TopItemsEstimator.Options Options { get; }

    /// <summary>Gets the name of the column that holds the user.</summary>
    public string UserColumnName => Options.UserColumnName ?? Model.Columns.UserColumnName;

    /// <inheritdoc/>
    public bool IsRowToRowMapper => true;

    /// <summary>Gets the model, which belongs to the transformer.</summary>
    internal DeviceCloudPredictionTransformer Model { get; }

    /// <summary>Gets the columns that come out, or says which column is missing or of another type.</summary>
    /// <param name="inputSchema">The columns that go in.</param>
    /// <returns>The input columns, then the items and their scores.</returns>
    /// <exception cref="ArgumentException">
    /// The user column is missing; or it, the history or the profile is of another type, or has keys that stand for other ids than in the log
    /// that the model was trained on.
    /// </exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return new TopItemsColumns(this, inputSchema).Output;
    }

    /// <inheritdoc/>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return new TopItemsRowMapper(this, inputSchema);
    }

    /// <summary>Adds the best items, lazily, while the data are read.</summary>
    /// <param name="input">Rows with users.</param>
    /// <returns>The rows, their users' best items, and the items' scores.</returns>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new TopItemsDataView(this, input);
    }

    /// <summary>Frees the native sessions. A transformer used after that opens new ones.</summary>
    public void Dispose() => Model.Dispose();

    void ICanSaveModel.Save(ModelSaveContext ctx) => TopItemsTransformerLoader.Save(ctx, this);

    /// <summary>Finds a user's key value by the raw id; 0 if the model does not know it.</summary>
    internal int FindUser(ReadOnlySpan<char> id) =>
        _users.Value.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(id, out int user) ? user : 0;

    /// <summary>Ranks the items for a user.</summary>
    /// <param name="user">The user's key value; 0 for a user whom the model does not know.</param>
    /// <param name="history">The item key values of the user's history, the oldest first.</param>
    /// <param name="profile">The user's profile; empty for the one that the model remembers.</param>
    /// <param name="batch">Buffers to use.</param>
    /// <param name="items">Receives the item key values, the best first, and zeros behind them.</param>
    /// <param name="scores">Receives the scores, and NaN behind them.</param>
    internal void Rank(
        int user, ReadOnlySpan<int> history, ReadOnlySpan<float> profile, ScoringBatch batch, Span<uint> items, Span<float> scores)
    {
        int[] candidates = _candidates;
        if (Options.ExcludesSeen && !history.IsEmpty)
        {
            HashSet<int> seen = [.. history];
            candidates = Array.FindAll(_candidates, item => !seen.Contains(item));
        }

        items.Clear();
        scores.Fill(float.NaN);
        if (candidates.Length > 0)
        {
            PatchStatus status = CandidateBatch.Fill(batch, Model, user, history, candidates, profile);
            CandidateBatch.Score(batch, status, Model.Score);
            int[] best = TopItems.Select(batch.Scores.AsSpan(0, candidates.Length), items.Length);
            for (int i = 0; i < best.Length; i++)
            {
                items[i] = (uint)candidates[best[i]];
                scores[i] = batch.Scores[best[i]];
            }
        }
    }
}
