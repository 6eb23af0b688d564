using System.Text.Json.Serialization;

namespace DCCL.ML.Model;

/// <summary>
/// The shape of a self-attentive sequential recommender (SASRec): causal self-attention turns the history into a user vector, and the
/// score is its product with the target's embedding.
/// </summary>
/// <remarks>
/// <para>
/// With <c>e_j</c> the embedding of the history item at distance <c>j</c> from the end, <c>x_j = sqrt(d) e_j</c>. Each block adds to
/// every <c>x_i</c> first its attention over itself and what came before it, then a feed-forward layer, both behind a layer norm:
/// <c>x_i += sum_j softmax_j(q_i . k_j / sqrt(d_head) + distance_{j - i}) v_j W_output + b</c> and
/// <c>x_i += max(n_i W_hidden + b, 0) W_output + b</c>. How far an event lies back counts through <c>distance</c>, learnt for each
/// head: unlike a place in the sequence it means the same wherever a history begins. The user vector is
/// <c>u = norm(x_0 + profile W_profile)</c>; with <c>t = sqrt(d) e_target</c> the logit is <c>u . t / sqrt(d) + b_out + bias_item</c>.
/// </para>
/// <para>
/// A patch acts after the last block, on <c>(u, t)</c>, the user vector with the target's embedding behind it: it moves both.
/// </para>
/// <para>Source: Kang and McAuley, "Self-attentive sequential recommendation", ICDM 2018; the distances instead of places: Shaw, Uszkoreit
/// and Vaswani, "Self-attention with relative position representations", NAACL 2018, in the form of Raffel et al., JMLR 2020, section 2.1.</para>
/// </remarks>
public sealed record SasRecArchitecture : BackboneArchitecture
{
    /// <summary>Gets the number of blocks of attention and feed-forward layer.</summary>
    /// <value>The default is 2. At least 1.</value>
    public int NumberOfBlocks { get; init; } = 2;

    /// <summary>Gets the number of attention heads of a block.</summary>
    /// <value>The default is 2. At least 1; a divisor of the embedding dimension.</value>
    public int NumberOfHeads { get; init; } = 2;

    /// <summary>Gets the width of the feed-forward layers.</summary>
    /// <value>The default is 128. At least 1.</value>
    public int FeedForwardSize { get; init; } = 128;

    /// <inheritdoc/>
    public override string Name => "sasrec";

    /// <inheritdoc/>
    [JsonIgnore]
    public override IReadOnlyList<int> PatchableLayerSizes => [2 * EmbeddingDimension];

    /// <inheritdoc/>
    [JsonIgnore]
    public override IReadOnlyList<TensorShape> Tensors
    {
        get
        {
            int d = EmbeddingDimension;
            List<TensorShape> tensors = [new("item.embedding", [NumberOfItems + 1, d]), new("item.bias", [NumberOfItems + 1])];
            for (int block = 0; block < NumberOfBlocks; block++)
            {
                string attention = $"block.{block}.attention";
                AddNorm(attention);
                tensors.Add(new($"{attention}.query.weight", [d, d]));
                tensors.Add(new($"{attention}.query.bias", [d]));
                tensors.Add(new($"{attention}.key.weight", [d, d])); // a bias of the keys is the same for all of them: softmax does not see it
                tensors.Add(new($"{attention}.value.weight", [d, d]));
                tensors.Add(new($"{attention}.value.bias", [d]));
                tensors.Add(new($"{attention}.distance", [NumberOfHeads, HistoryLength]));
                tensors.Add(new($"{attention}.output.weight", [d, d]));
                tensors.Add(new($"{attention}.output.bias", [d]));
                string forward = $"block.{block}.forward";
                AddNorm(forward);
                tensors.Add(new($"{forward}.hidden.weight", [d, FeedForwardSize]));
                tensors.Add(new($"{forward}.hidden.bias", [FeedForwardSize]));
                tensors.Add(new($"{forward}.output.weight", [FeedForwardSize, d]));
                tensors.Add(new($"{forward}.output.bias", [d]));
            }

            if (ProfileDimension > 0)
            {
                tensors.Add(new("profile.weight", [ProfileDimension, d]));
            }

            AddNorm("user");
            tensors.Add(new("output.bias", [1]));
            return tensors;

            void AddNorm(string layer)
            {
                tensors.Add(new($"{layer}.norm.scale", [d]));
                tensors.Add(new($"{layer}.norm.shift", [d]));
            }
        }
    }
}
