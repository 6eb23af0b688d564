using DCCL.ML.Data;

namespace DCCL.Trainers.Torch;

/// <summary>Begins the embeddings of a network with what the log tells before the first epoch.</summary>
internal static class SpectralStart
{
    // The root mean square of the elements over the events.
    private const float Scale = 0.1f;

    /// <summary>Overwrites the leading elements of each item's embedding.</summary>
    /// <param name="module">The network.</param>
    /// <param name="log">The training log.</param>
    /// <param name="numberOfFactors">How many elements; no more than there are.</param>
    /// <param name="random">Draws the first subspace.</param>
    public static void Apply(TorchBackbone module, InteractionLog log, int numberOfFactors, SeededRandom random)
    {
        int dimension = module.Architecture.EmbeddingDimension;
        int factors = Math.Min(numberOfFactors, dimension);
        if (factors == 0)
        {
            return;
        }

        float[] vectors = SpectralEmbedding.Compute(log, factors, random);
        float[] table = module.Weights["item.embedding"].ToArray();
        for (int i = 0; i < vectors.Length; i++)
        {
            table[(i / factors * dimension) + (i % factors)] = Scale * vectors[i];
        }

        module.Weights["item.embedding"].CopyFrom(table);
    }
}
