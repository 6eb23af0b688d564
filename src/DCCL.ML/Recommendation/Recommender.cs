using System.Collections.Concurrent;
using System.Numerics.Tensors;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using Microsoft.ML;

namespace DCCL.ML.Recommendation;

/// <summary>Recommends items to users, by raw ids, with each user's own patch: what a service holds for a model.</summary>
/// <remarks>
/// <para>
/// A user's history is what the model remembers and what <see cref="Observe"/> has added since: it changes the scores at once,
/// without training. A user whom the model does not know can be observed as well, and is then served by the cloud model on that history.
/// What was observed lives in memory only, within <see cref="ObservationLimits"/>: keep your own log, and train on it.
/// </para>
/// <para>
/// Thread-safe; calls for the same user take effect in some order. Owns native sessions, apart from those of the transformer it was made from:
/// dispose it when it is no longer used.
/// </para>
/// </remarks>
public sealed class Recommender : IDisposable
{
    private readonly DeviceCloudPredictionTransformer _model;
    private readonly ModelScorer _scorer;
    private readonly Dictionary<string, int> _users;
    private readonly Dictionary<string, int> _items;
    private readonly string[] _itemIds;
    private readonly UserObservations _observations;
    private readonly long _numberObservedBefore;
    private readonly ConcurrentBag<ScoringBatch> _batches = [];
    private readonly Lazy<float[]> _directions;

    /// <param name="model">The model.</param>
    /// <param name="observations">What has been observed so far, perhaps by another recommender, and where to add to it.</param>
    /// <param name="numberOfThreads">The number of threads of a call.</param>
    internal Recommender(DeviceCloudPredictionTransformer model, UserObservations observations, int numberOfThreads)
    {
        _model = model;
        _observations = observations;
        _numberObservedBefore = observations.Count;
        _scorer = new ModelScorer(model.Parameters, numberOfThreads);
        _users = RawIds.Index(RawIds.OfUsers(model));
        _itemIds = [.. RawIds.OfItems(model)];
        _items = RawIds.Index(_itemIds);
        _directions = new Lazy<float[]>(GetDirections);
    }

    /// <summary>Gets the raw ids of the items that can be recommended, in key order.</summary>
    public IReadOnlyList<string> ItemIds => _itemIds;

    /// <summary>Whether the model knows an item.</summary>
    /// <param name="itemId">The raw id.</param>
    /// <returns>Whether it has an embedding.</returns>
    public bool IsKnownItem(string itemId) => _items.ContainsKey(itemId);

    /// <summary>Whether the model was trained with events of a user.</summary>
    /// <param name="userId">The raw id.</param>
    /// <returns>Whether it remembers the user; not after <see cref="Forget"/>.</returns>
    public bool IsKnownUser(string userId) => GetKey(userId) > 0;

    /// <summary>Recommends items to one user.</summary>
    /// <param name="userId">The raw id. A user whom the model does not know is served by the cloud model.</param>
    /// <param name="numberOfItems">The number of items at most.</param>
    /// <param name="options">What may be recommended; null for the defaults.</param>
    /// <returns>The best items, the best first; equal scores in key order. Fewer, if there are no more.</returns>
    /// <exception cref="ArgumentException">The profile does not fit the model.</exception>
    /// <exception cref="ObjectDisposedException">The recommender has been disposed.</exception>
    public IReadOnlyList<RecommendedItem> Recommend(string userId, int numberOfItems = 10, RecommendationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(userId);
        ArgumentOutOfRangeException.ThrowIfNegative(numberOfItems);
        options ??= new RecommendationOptions();
        int user = GetKey(userId);
        int[] history = GetHistory(userId, user);
        List<int> candidates = ListCandidates(history, options);
        if (candidates.Count == 0 || numberOfItems == 0)
        {
            return [];
        }

        if (!_batches.TryTake(out ScoringBatch? batch))
        {
            batch = new ScoringBatch();
        }

        PatchStatus status = CandidateBatch.Fill(batch, _model, user, history, candidates, GetProfile(options.Profile));
        status = CandidateBatch.Score(batch, status, _scorer.Score);
        int[] best = TopItems.Select(batch.Scores.AsSpan(0, candidates.Count), numberOfItems);
        RecommendedItem[] result = [.. best.Select(i => new RecommendedItem(
            _itemIds[candidates[i] - 1], batch.Scores[i], OutputColumns.ToProbability(batch.Scores[i]), status))];
        _batches.Add(batch);
        return result;
    }

    /// <summary>Recommends items to several users.</summary>
    /// <param name="userIds">The raw ids.</param>
    /// <param name="numberOfItems">The number of items at most, for each.</param>
    /// <param name="options">What may be recommended; null for the defaults. A profile is that of every user.</param>
    /// <returns>Each user's items, in the order of the users.</returns>
    /// <exception cref="ArgumentException">The profile does not fit the model.</exception>
    /// <exception cref="ObjectDisposedException">The recommender has been disposed.</exception>
    public IReadOnlyList<IReadOnlyList<RecommendedItem>> Recommend(
        IReadOnlyList<string> userIds, int numberOfItems = 10, RecommendationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(userIds);
        return [.. userIds.Select(userId => Recommend(userId, numberOfItems, options))];
    }

    /// <summary>Finds the items whose embeddings point most nearly where an item's does.</summary>
    /// <param name="itemId">The raw id.</param>
    /// <param name="numberOfItems">The number of items at most.</param>
    /// <returns>The most similar items, the most similar first, without the item itself; none if the model does not know the item.</returns>
    public IReadOnlyList<SimilarItem> GetSimilarItems(string itemId, int numberOfItems = 10)
    {
        ArgumentNullException.ThrowIfNull(itemId);
        ArgumentOutOfRangeException.ThrowIfNegative(numberOfItems);
        if (!_items.TryGetValue(itemId, out int item))
        {
            return [];
        }

        float[] similarities = new float[_itemIds.Length];
        for (int other = 1; other <= similarities.Length; other++)
        {
            similarities[other - 1] = other == item ? float.NegativeInfinity : GetSimilarity(item, other);
        }

        return [.. TopItems.Select(similarities, Math.Min(numberOfItems, similarities.Length - 1))
            .Select(i => new SimilarItem(_itemIds[i], similarities[i]))];
    }

    /// <summary>Finds the items of a user's history whose embeddings point most nearly where an item's does: why it may be for this user.</summary>
    /// <remarks>The similarity is of items, and not their share of the score: the model also asks how long ago they were, and what else there was.</remarks>
    /// <param name="userId">The raw id.</param>
    /// <param name="itemId">The raw id of an item, such as a recommended one.</param>
    /// <param name="numberOfItems">The number of items at most.</param>
    /// <returns>The most similar items that the user has had, each once, the most similar first, without the item itself; none without a history, or if the
    /// model does not know the item.</returns>
    public IReadOnlyList<SimilarItem> GetSimilarHistory(string userId, string itemId, int numberOfItems = 3)
    {
        ArgumentNullException.ThrowIfNull(userId);
        ArgumentNullException.ThrowIfNull(itemId);
        ArgumentOutOfRangeException.ThrowIfNegative(numberOfItems);
        if (!_items.TryGetValue(itemId, out int item))
        {
            return [];
        }

        int[] others = [.. GetHistory(userId, GetKey(userId)).Where(other => other > 0 && other != item).Distinct().Order()];
        float[] similarities = Array.ConvertAll(others, other => GetSimilarity(item, other));
        return [.. TopItems.Select(similarities, numberOfItems).Select(i => new SimilarItem(_itemIds[others[i] - 1], similarities[i]))];
    }

    /// <summary>Adds an event to a user's history, after all others.</summary>
    /// <param name="userId">The raw id; it need not be one that the model knows.</param>
    /// <param name="itemId">The raw id of the item that the user had.</param>
    /// <returns>Whether the model knows the item; if not, nothing has changed.</returns>
    public bool Observe(string userId, string itemId)
    {
        ArgumentNullException.ThrowIfNull(userId);
        ArgumentNullException.ThrowIfNull(itemId);
        if (!_items.TryGetValue(itemId, out int item))
        {
            return false;
        }

        _observations.Add(userId, _itemIds[item - 1]); // the item's text is the model's own
        return true;
    }

    /// <summary>Forgets a user: history, profile and patch are no longer used here. The model itself still has them.</summary>
    /// <param name="userId">The raw id; from now on that of somebody the model does not know.</param>
    public void Forget(string userId)
    {
        ArgumentNullException.ThrowIfNull(userId);
        _observations.Forget(userId);
    }

    /// <summary>Makes a recommender of another model, such as one with a further patch, that goes on with what this one has observed and forgotten.</summary>
    /// <param name="model">A DCCL transformer, or a model with one inside. The recommender does not own it.</param>
    /// <returns>The recommender. Both add to the same observations, as long as both are used; each is to be disposed.</returns>
    /// <exception cref="ArgumentException">The model has no DCCL transformer.</exception>
    public Recommender WithModel(ITransformer model)
    {
        ArgumentNullException.ThrowIfNull(model);
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        return new Recommender(transformer, _observations, transformer.NumberOfThreads);
    }

    /// <summary>Closes the sessions, after the calls that are under way.</summary>
    public void Dispose() => _scorer.Dispose();

    // The cosine of two items' embeddings.
    private float GetSimilarity(int item, int other)
    {
        float[] directions = _directions.Value;
        int size = directions.Length / _itemIds.Length;
        return Math.Clamp(TensorPrimitives.Dot<float>(directions.AsSpan((item - 1) * size, size), directions.AsSpan((other - 1) * size, size)), -1, 1);
    }

    private int GetKey(string userId) => _observations.IsForgotten(userId) ? 0 : _users.GetValueOrDefault(userId);

    private int[] GetHistory(string userId, int user)
    {
        ReadOnlySpan<int> remembered = user > 0 ? _model.History.GetItems(user) : [];
        IReadOnlyList<UserObservations.Observation> observed = _observations.Get(userId);
        if (observed.Count == 0)
        {
            return remembered.ToArray();
        }

        // Only what was observed before this model came can have been in its training log.
        int before = observed.Count(observation => observation.Number <= _numberObservedBefore);
        int[] earlier = GetKeys(observed.Take(before));
        int known = UserObservations.CountRemembered(remembered, earlier, _model.Parameters.Architecture.HistoryLength);
        return [.. remembered, .. earlier.AsSpan(known), .. GetKeys(observed.Skip(before))];
    }

    private float[] GetProfile(IReadOnlyList<float>? profile)
    {
        int dimension = _model.Parameters.Architecture.ProfileDimension;
        return profile is null || (profile.Count == dimension && profile.All(float.IsFinite))
            ? [.. profile ?? []]
            : throw new ArgumentException(
                $"{nameof(RecommendationOptions)}: the profile must have {dimension} finite values, as the model was trained with, but has "
                + $"{profile.Count}, {profile.Count(value => !float.IsFinite(value))} of them not finite.",
                nameof(profile));
    }

    private int[] GetKeys(IEnumerable<UserObservations.Observation> observations) =>
        [.. observations.Select(observation => _items.GetValueOrDefault(observation.ItemId)).Where(item => item > 0)];

    private List<int> ListCandidates(int[] history, RecommendationOptions options)
    {
        IEnumerable<int> keys = options.Candidates is null
            ? Enumerable.Range(1, _itemIds.Length)
            : options.Candidates.Select(id => _items.GetValueOrDefault(id)).Where(item => item > 0).Distinct().Order();
        HashSet<int> seen = options.ExcludesSeen ? [.. history] : [];
        return [.. keys.Where(item => !seen.Contains(item) && (options.Filter is null || options.Filter(_itemIds[item - 1])))];
    }

    // The items' embeddings, each of length one.
    private float[] GetDirections()
    {
        ReadOnlySpan<float> table = _model.Parameters["item.embedding"].Span;
        int size = table.Length / (_itemIds.Length + 1);
        float[] directions = table[size..].ToArray();
        for (int item = 0; item < _itemIds.Length; item++)
        {
            Span<float> own = directions.AsSpan(item * size, size);
            float norm = TensorPrimitives.Norm<float>(own);
            if (norm > 0)
            {
                TensorPrimitives.Divide(own, norm, own);
            }
        }

        return directions;
    }
}
