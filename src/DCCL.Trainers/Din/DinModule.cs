using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.Din;

/// <summary>The Deep Interest Network in torch; <see cref="DinArchitecture"/> has the equations.</summary>
/// <remarks>Source: Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018.</remarks>
internal sealed class DinModule : TorchBackbone
{
    private const double DiceEpsilon = 1e-8;
    private const double DiceMomentum = 0.1;
    private const double EmbeddingDeviation = 0.01;
    private readonly DinArchitecture _architecture;
    private readonly double _dropout;
    private readonly bool _isReplica;

    /// <summary>Creates a network with random weights.</summary>
    public DinModule(DinArchitecture architecture, double dropout, SeededRandom random)
        : this(architecture, dropout, shape => Initialize(architecture, shape, random))
    {
    }

    /// <summary>Creates a network with given weights.</summary>
    public DinModule(DinArchitecture architecture, double dropout, Func<TensorShape, float[]> weights)
        : base(architecture)
    {
        _architecture = architecture;
        _dropout = dropout;
        foreach (TensorShape shape in architecture.Tensors)
        {
            bool isStatistic = shape.Name.EndsWith(".mean", StringComparison.Ordinal) || shape.Name.EndsWith(".variance", StringComparison.Ordinal);
            Add(shape, weights(shape), trainable: !isStatistic);
        }
    }

    private DinModule(DinModule original, bool frozen)
        : base(original, frozen)
    {
        _architecture = original._architecture;
        _dropout = original._dropout;
        _isReplica = true;
    }

    public override long NumberOfPairsToJudge => 3_000_000;

    public override int BestNumberOfNegatives => 4;

    public override int? NegativesOfProbability => null;

    public override TorchBackbone Replicate(bool frozen = false) => new DinModule(this, frozen);

    public override (Tensor Activation, Tensor Offset) Encode(TrainingBatch batch, int layer, Generator? generator)
    {
        Tensor values = Look("item.embedding", batch.History);   // [groups, length, dim]
        Tensor targets = Look("item.embedding", batch.Items);    // [groups, candidates, dim]
        Tensor keys = values.Plus(Weights["recency.embedding"].narrow(0, 0, batch.History.shape[1]));        // [groups, length, dim]
        Tensor mask = batch.History.IsNot(0);                                                                // [groups, length]
        Tensor pooled = torch.bmm(Attend(batch, keys, targets, mask, generator), keys);                      // [groups, candidates, dim]
        Tensor mean = values.sum(1) / mask.sum(1, keepdim: true).AtLeast(1);                                 // [groups, dim]

        // The first hidden layer sees concat(pooled, target, product, mean, profile); its linear map is applied part by part.
        Tensor weight = Weights["hidden.0.weight"];
        int dim = _architecture.EmbeddingDimension;
        Tensor perGroup = mean.matmul(weight.narrow(0, 3 * dim, dim)).Plus(Weights["hidden.0.bias"]);        // [groups, width]
        if (batch.Profiles is not null)
        {
            perGroup = perGroup.Plus(batch.Profiles.matmul(weight.narrow(0, 4 * dim, _architecture.ProfileDimension)));
        }

        Tensor perPair = torch.cat([pooled, targets, pooled * targets], dim: 2);                             // [groups, candidates, 3 dim]
        Tensor x = perPair.matmul(weight.narrow(0, 0, 3 * dim)).Plus(perGroup.unsqueeze(1));                 // [groups, candidates, width]
        Tensor z = Activate("hidden.0", x, generator);
        for (int next = 1; next <= layer; next++)
        {
            z = Hidden(next, z, generator);
        }

        Tensor offset = Look("item.bias", batch.Items);         // [groups, candidates]
        return (z, offset);
    }

    public override Tensor Decode(
        Tensor activation, Tensor offset, int layer, Func<int, Tensor, Tensor>? patch, Generator? generator)
    {
        Tensor z = patch is null ? activation : patch(layer, activation);
        for (int next = layer + 1; next < _architecture.HiddenLayerSizes.Count; next++)
        {
            z = Hidden(next, z, generator);
            z = patch is null ? z : patch(next, z);
        }

        return Drop(z, generator).matmul(Weights["output.weight"]).Plus(Weights["output.bias"]).Plus(offset);
    }

    private Tensor Look(string table, Tensor items) => LookupFunction.Look(Weights[table], items);

    private Tensor Hidden(int layer, Tensor z, Generator? generator) =>
        Activate($"hidden.{layer}", Drop(z, generator).matmul(Weights[$"hidden.{layer}.weight"]).Plus(Weights[$"hidden.{layer}.bias"]), generator);

    private Tensor Attend(TrainingBatch batch, Tensor keys, Tensor targets, Tensor mask, Generator? generator)
    {
        Tensor historyWeight = Weights["attention.history.weight"];
        Tensor productWeight = Weights["attention.product.weight"];
        Tensor queries = targets.matmul(Weights["attention.target.weight"]).Plus(Weights["attention.bias"]); // [groups, candidates, unit]
        Tensor scores;                                                                                       // [groups, candidates, length]
        if (_architecture.Activation == DinActivation.PRelu)
        {
            scores = ActivationUnitFunction.Score(
                keys, targets, queries, historyWeight, productWeight, Weights["attention.slope"],
                Weights["attention.output.weight"], batch.Lengths);
        }
        else
        {
            Tensor weight = historyWeight.Plus(targets.unsqueeze(3) * productWeight);                        // [groups, candidates, dim, unit]
            Tensor pre = torch.matmul(keys.unsqueeze(1), weight).Plus(queries.unsqueeze(2));                 // [groups, candidates, length, unit]
            scores = Activate("attention", pre, generator).matmul(Weights["attention.output.weight"]);
        }

        scores = scores.Plus(Weights["attention.output.bias"]);
        Tensor visible = mask.unsqueeze(1);                                                                  // [groups, 1, length]
        return _architecture.AttentionWeights == AttentionWeights.Softmax
            ? torch.softmax(scores - visible.Complement().Times(1e9), dim: 2) * visible
            : scores * visible;
    }

    private Tensor Activate(string layer, Tensor x, Generator? generator)
    {
        Tensor slope = Weights[$"{layer}.slope"];
        if (_architecture.Activation == DinActivation.PRelu)
        {
            return nn.functional.prelu(x.reshape(-1, x.shape[^1]), slope).view(x.shape);
        }

        Tensor mean = Weights[$"{layer}.mean"];
        Tensor variance = Weights[$"{layer}.variance"];
        if (generator is not null)
        {
            Tensor flat = x.reshape(-1, x.shape[^1]);
            Tensor batchMean = flat.mean([0]);
            Tensor batchVariance = flat.var([0], unbiased: false);
            if (!_isReplica)
            {
                using IDisposable noGradients = torch.no_grad();
                mean.MultiplyInPlace(1 - DiceMomentum);
                mean.AddInPlace(batchMean.Times(DiceMomentum));
                variance.MultiplyInPlace(1 - DiceMomentum);
                variance.AddInPlace(batchVariance.Times(DiceMomentum));
            }

            (mean, variance) = (batchMean, batchVariance);
        }

        Tensor gate = torch.sigmoid((x - mean) / torch.sqrt(variance.Plus(DiceEpsilon)));
        return (gate * x).Plus(gate.Complement() * slope * x);
    }

    private Tensor Drop(Tensor z, Generator? generator) => Dropout.Apply(z, _dropout, generator);

    /// <summary>Draws the first values of a tensor.</summary>
    public static float[] Initialize(DinArchitecture architecture, TensorShape shape, SeededRandom random)
    {
        float[] values = new float[shape.NumberOfElements];
        if (shape.Name.EndsWith(".slope", StringComparison.Ordinal))
        {
            Array.Fill(values, 0.25f);
        }
        else if (shape.Name.EndsWith(".variance", StringComparison.Ordinal))
        {
            Array.Fill(values, 1f);
        }
        else if (shape.Name.EndsWith(".embedding", StringComparison.Ordinal))
        {
            Fill(values, EmbeddingDeviation);
            values.AsSpan(0, shape.Name == "item.embedding" ? architecture.EmbeddingDimension : 0).Clear();
        }
        else if (shape.Name.EndsWith(".weight", StringComparison.Ordinal))
        {
            // Glorot and Bengio 2010, equation 16, with a normal in place of the uniform distribution. The target, product and
            // history weights of the activation unit are three blocks of one matrix.
            int inputs = shape.Name.StartsWith("attention.", StringComparison.Ordinal) && shape.Dimensions.Count == 2
                ? 3 * shape.Dimensions[0]
                : shape.Dimensions[0];
            int outputs = shape.Dimensions.Count == 2 ? shape.Dimensions[1] : 1;
            Fill(values, Math.Sqrt(2.0 / (inputs + outputs)));
        }

        return values;

        void Fill(float[] target, double deviation)
        {
            for (int i = 0; i < target.Length; i++)
            {
                target[i] = (float)(deviation * random.NextGaussian());
            }
        }
    }
}
