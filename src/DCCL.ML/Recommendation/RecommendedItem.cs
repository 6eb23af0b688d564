using DCCL.ML.Model;

namespace DCCL.ML.Recommendation;

/// <summary>An item that is recommended to a user.</summary>
/// <param name="ItemId">The raw id of the item.</param>
/// <param name="Score">The logit; higher is better.</param>
/// <param name="Probability">The sigmoid of the score, in [0, 1].</param>
/// <param name="Reason">Which of the models answered: the user's own patch, a predicted one, or the cloud model.</param>
public sealed record RecommendedItem(string ItemId, float Score, float Probability, PatchStatus Reason);

/// <summary>An item that is like another one.</summary>
/// <param name="ItemId">The raw id of the item.</param>
/// <param name="Similarity">The cosine of the angle between the embeddings of the two items, in [-1, 1].</param>
public sealed record SimilarItem(string ItemId, float Similarity);
