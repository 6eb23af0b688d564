using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.SasRec;

/// <summary>SASRec in torch; <see cref="SasRecArchitecture"/> has the equations.</summary>
internal sealed class SasRecModule : TorchBackbone
{
    private const double NormEpsilon = 1e-5;
    private readonly SasRecArchitecture _architecture;
    private readonly double _dropout;
    private readonly int _dimension;

    /// <summary>Creates a network with given weights.</summary>
    public SasRecModule(SasRecArchitecture architecture, double dropout, Func<TensorShape, float[]> weights)
        : base(architecture)
    {
        _architecture = architecture;
        _dropout = dropout;
        _dimension = architecture.EmbeddingDimension;
        foreach (TensorShape shape in architecture.Tensors)
        {
            Add(shape, weights(shape), trainable: true);
        }
    }

    private SasRecModule(SasRecModule original, bool frozen)
        : base(original, frozen)
    {
        _architecture = original._architecture;
        _dropout = original._dropout;
        _dimension = original._dimension;
    }

    /// <inheritdoc/>
    /// <remarks>A history is encoded once for all items.</remarks>
    public override long NumberOfPairsToJudge => 30_000_000;

    /// <inheritdoc/>
    /// <remarks>One more item is one more product, and the softmax that the model comes from has them all.</remarks>
    public override int BestNumberOfNegatives => 32;

    public override int? NegativesOfProbability => ProbabilityCalibration.NumberOfNegatives;

    public override TorchBackbone Replicate(bool frozen = false) => new SasRecModule(this, frozen);

    public override (Tensor Activation, Tensor Offset) Encode(TrainingBatch batch, int layer, Generator? generator)
    {
        Tensor user = GetStates(batch.History, batch.Profiles, onlyLast: true, generator);                   // [groups, 1, dim]
        Tensor target = Look("item.embedding", batch.Items).Times(Math.Sqrt(_dimension));                    // [groups, candidates, dim]
        Tensor pair = torch.cat([user.expand(-1, target.shape[1], -1), target], dim: 2);                     // [groups, candidates, 2 dim]
        return (pair, Look("item.bias", batch.Items));
    }

    public override Tensor Decode(
        Tensor activation, Tensor offset, int layer, Func<int, Tensor, Tensor>? patch, Generator? generator)
    {
        Tensor pair = patch is null ? activation : patch(layer, activation);
        Tensor product = pair.narrow(2, 0, _dimension) * pair.narrow(2, _dimension, _dimension);
        return product.sum(2).Over(Math.Sqrt(_dimension)).Plus(Weights["output.bias"]).Plus(offset);
    }

    /// <summary>Computes the user vector as of each event of a history, or as of its most recent one only.</summary>
    /// <param name="history">Item key values, most recent first, 0 = padding, int64 [groups, length].</param>
    /// <param name="profiles">[groups, profile], or null if the model has no profile input.</param>
    /// <param name="onlyLast">Whether the most recent event is all that is asked for.</param>
    /// <param name="generator">Draws dropout masks; null in evaluation.</param>
    /// <returns>[groups, length or 1, dim].</returns>
    public Tensor GetStates(Tensor history, Tensor? profiles, bool onlyLast, Generator? generator)
    {
        long length = history.shape[1];
        Tensor mask = history.IsNot(0).unsqueeze(1).unsqueeze(2);                                            // [groups, 1, 1, length]
        (Tensor causal, Tensor offsets) = GetPlaces(length);                                                 // [length, length] each
        Tensor x = Drop(Look("item.embedding", history).Times(Math.Sqrt(_dimension)), generator);            // [groups, length, dim]
        for (int block = 0; block < _architecture.NumberOfBlocks; block++)
        {
            bool isLast = onlyLast && block == _architecture.NumberOfBlocks - 1;
            long rows = isLast ? 1 : length;
            string attention = $"block.{block}.attention";
            Tensor norm = Norm(attention, x);
            Tensor visible = mask * causal.narrow(0, 0, rows);                                               // [groups, 1, rows, length]
            Tensor found = Attend(attention, norm.narrow(1, 0, rows), norm, visible, offsets.narrow(0, 0, rows), generator);
            x = x.narrow(1, 0, rows).Plus(Drop(found, generator));                                           // [groups, rows, dim]

            string forward = $"block.{block}.forward";
            Tensor hidden = torch.nn.functional.relu(Linear($"{forward}.hidden", Norm(forward, x)));
            x = x.Plus(Drop(Linear($"{forward}.output", Drop(hidden, generator)), generator));
        }

        x = onlyLast ? x.narrow(1, 0, 1) : x;
        x = profiles is null ? x : x.Plus(profiles.matmul(Weights["profile.weight"]).unsqueeze(1));
        return Norm("user", x);
    }

    private Tensor Attend(string layer, Tensor seeking, Tensor norm, Tensor visible, Tensor offsets, Generator? generator)
    {
        int heads = _architecture.NumberOfHeads;
        Tensor query = Divide(Linear($"{layer}.query", seeking));                                            // [groups, heads, rows, size]
        Tensor key = Divide(norm.matmul(Weights[$"{layer}.key.weight"]));                                    // [groups, heads, length, size]
        Tensor value = Divide(Linear($"{layer}.value", norm));
        Tensor distances = Weights[$"{layer}.distance"].index_select(1, offsets.flatten()).view(heads, offsets.shape[0], -1);
        Tensor scores = query.matmul(key.transpose(2, 3)).Times(Math.Sqrt((double)heads / _dimension)).Plus(distances);
        Tensor weights = torch.softmax(scores - visible.Complement().Times(1e9), dim: 3) * visible;          // [groups, heads, rows, length]
        Tensor found = Drop(weights, generator).matmul(value).transpose(1, 2).reshape(seeking.shape);
        return Linear($"{layer}.output", found);

        Tensor Divide(Tensor x) => x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2);
    }

    // Of row i and column j: 1 if j is i or came before it, else 0; and how far before.
    private static (Tensor Causal, Tensor Offsets) GetPlaces(long length)
    {
        float[] causal = new float[length * length];
        long[] offsets = new long[length * length];
        for (int i = 0; i < offsets.Length; i++)
        {
            long back = (i % length) - (i / length);
            causal[i] = back >= 0 ? 1 : 0;
            offsets[i] = Math.Max(back, 0);
        }

        return (torch.tensor(causal, length, length), torch.tensor(offsets, length, length));
    }

    private Tensor Look(string table, Tensor items) => LookupFunction.Look(Weights[table], items);

    private Tensor Linear(string layer, Tensor x) => x.matmul(Weights[$"{layer}.weight"]).Plus(Weights[$"{layer}.bias"]);

    private Tensor Norm(string layer, Tensor x) =>
        torch.nn.functional.layer_norm(x, [_dimension], Weights[$"{layer}.norm.scale"], Weights[$"{layer}.norm.shift"], NormEpsilon);

    private Tensor Drop(Tensor x, Generator? generator) => Dropout.Apply(x, _dropout, generator);

    /// <summary>Draws the first values of a tensor.</summary>
    public static float[] Initialize(SasRecArchitecture architecture, TensorShape shape, SeededRandom random)
    {
        float[] values = new float[shape.NumberOfElements];
        if (shape.Name.EndsWith(".norm.scale", StringComparison.Ordinal))
        {
            Array.Fill(values, 1f);
        }
        else if (shape.Name == "item.embedding")
        {
            // Times sqrt(d), as blocks see it, each element is of the order of 0.3.
            Fill(values.AsSpan(architecture.EmbeddingDimension), 0.3 / Math.Sqrt(architecture.EmbeddingDimension), random);
        }
        else if (shape.Name.EndsWith(".weight", StringComparison.Ordinal))
        {
            // Glorot and Bengio 2010, equation 16, with a normal in place of the uniform distribution.
            Fill(values, Math.Sqrt(2.0 / (shape.Dimensions[0] + shape.Dimensions[1])), random);
        }

        return values;
    }

    private static void Fill(Span<float> values, double deviation, SeededRandom random)
    {
        foreach (ref float value in values)
        {
            value = (float)(deviation * random.NextGaussian());
        }
    }
}
