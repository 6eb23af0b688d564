using DCCL.Trainers.Torch;

namespace DCCL.Trainers.MetaPatch;

/// <summary>Some users' samples with the patched model's logits, linear in theta, as plain arrays.</summary>
/// <param name="chunk">The samples.</param>
/// <param name="features">The derivatives of the logits by theta [users, samples, d].</param>
/// <param name="constants">What <c>features . theta</c> is added to [users, samples].</param>
internal sealed class LinearizedProblem(SampleChunk chunk, float[] features, float[] constants)
{
    public SampleChunk Chunk { get; } = chunk;

    public float[] Features { get; } = features;

    public float[] Constants { get; } = constants;

    public float[] Labels { get; } = chunk.Label.ToArray();

    public float[] Weights { get; } = chunk.Weight.ToArray();

    public float[] Positions { get; } = chunk.Position.ToArray();

    public int NumberOfUsers => Chunk.Rows.Length;

    /// <summary>Gets the number of samples of each user, padding included.</summary>
    public int NumberOfSamples => Constants.Length / NumberOfUsers;

    /// <summary>The weights of the earlier samples; the later ones have 0.</summary>
    /// <param name="position">The <see cref="SampleChunk.Position"/> of the last sample that counts as early.</param>
    public float[] GetEarlyWeights(float position) => [.. Weights.Zip(Positions, (weight, own) => own > position ? 0 : weight)];
}
