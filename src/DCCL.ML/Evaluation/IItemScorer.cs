namespace DCCL.ML.Evaluation;

/// <summary>Any recommender, as <see cref="ItemRankingEvaluator"/> asks it: a baseline, or a model of another library.</summary>
/// <remarks>
/// What scores items by this interface is compared with DCCL's models on the same test events, histories and masks. The evaluator calls it
/// from several threads at once.
/// </remarks>
/// <example>
/// <code>
/// sealed class Popularity(int[] counts) : IItemScorer
/// {
///     public string Name => "popularity";
///
///     public void Score(UserMoment moment, ReadOnlySpan&lt;int&gt; items, Span&lt;float&gt; scores)
///     {
///         for (int i = 0; i &lt; items.Length; i++)
///         {
///             scores[i] = counts[items[i]];
///         }
///     }
/// }
/// </code>
/// </example>
public interface IItemScorer
{
    /// <summary>Gets the name that the report's manifest states as the model.</summary>
    string Name { get; }

    /// <summary>Scores items for a user at one moment.</summary>
    /// <param name="moment">The user, and all that is known before the moment.</param>
    /// <param name="items">The items' key values.</param>
    /// <param name="scores">
    /// Receives the scores, as many as items: logits, where log loss is to mean anything, else any number that grows with the preference.
    /// </param>
    void Score(UserMoment moment, ReadOnlySpan<int> items, Span<float> scores);
}
