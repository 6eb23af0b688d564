using DCCL.ML.Data;
using DCCL.ML.Model;

namespace DCCL.TestKit;

/// <summary>The Deep Interest Network, with every concatenation.</summary>
/// <remarks>
/// The activation unit multiplies concat(k, t, k - t, k * t) by a [4 d, a] matrix. Of the four blocks the model keeps
/// W_history = W_k + W_difference and W_target = W_t - W_difference; here the split is undone with an arbitrary W_difference.
/// </remarks>
public sealed class TextbookDin : TextbookNetwork
{
    private readonly DinArchitecture _din;
    private readonly double[][] _attentionWeights;

    public TextbookDin(DeviceCloudModelParameters parameters, SeededRandom random)
        : base(parameters)
    {
        _din = (DinArchitecture)parameters.Architecture;
        double[][] history = Matrix("attention.history.weight", _din.EmbeddingDimension);
        double[][] target = Matrix("attention.target.weight", _din.EmbeddingDimension);
        double[][] difference = [.. history.Select(row => row.Select(_ => random.NextDouble() - 0.5).ToArray())];
        _attentionWeights =
        [
            .. history.Zip(difference, (h, d) => h.Zip(d, (x, y) => x - y).ToArray()),
            .. target.Zip(difference, (t, d) => t.Zip(d, (x, y) => x + y).ToArray()),
            .. difference,
            .. Matrix("attention.product.weight", _din.EmbeddingDimension),
        ];
    }

    public override double GetLogit(long item, ReadOnlySpan<long> history, ReadOnlySpan<float> profile, double[] theta)
    {
        int d = _din.EmbeddingDimension;
        double[][] embedding = Matrix("item.embedding", _din.NumberOfItems + 1);
        double[][] recency = Matrix("recency.embedding", _din.HistoryLength);
        double[] t = embedding[item];
        List<double[]> keys = [];
        List<double> scores = [];
        double[] mean = new double[d];
        for (int j = 0; j < history.Length; j++)
        {
            if (history[j] != 0)
            {
                double[] v = embedding[history[j]];
                double[] k = Add(v, recency[j]);
                keys.Add(k);
                double[] input = [.. k, .. t, .. k.Zip(t, (x, y) => x - y), .. k.Zip(t, (x, y) => x * y)];
                double[] unit = Activate("attention", Add(Multiply(input, _attentionWeights), Vector("attention.bias")));
                scores.Add(Dot(unit, Vector("attention.output.weight")) + Vector("attention.output.bias")[0]);
                mean = Add(mean, v);
            }
        }

        mean = [.. mean.Select(x => x / Math.Max(1, keys.Count))];
        double[] weights = [.. scores];
        if (_din.AttentionWeights == AttentionWeights.Softmax)
        {
            double[] exponentials = [.. scores.Select(s => Math.Exp(s - scores.Max()))];
            weights = [.. exponentials.Select(e => e / exponentials.Sum())];
        }

        double[] pooled = new double[d];
        for (int j = 0; j < keys.Count; j++)
        {
            pooled = Add(pooled, [.. keys[j].Select(x => weights[j] * x)]);
        }

        double[] z = [.. pooled, .. t, .. pooled.Zip(t, (x, y) => x * y), .. mean, .. profile.ToArray().Select(x => (double)x)];
        for (int layer = 0; layer < _din.HiddenLayerSizes.Count; layer++)
        {
            z = Activate($"hidden.{layer}", Add(Multiply(z, Matrix($"hidden.{layer}.weight", z.Length)), Vector($"hidden.{layer}.bias")));
            z = Patch(layer, z, theta);
        }

        return Dot(z, Vector("output.weight")) + Vector("output.bias")[0] + Vector("item.bias")[item] + GetShare(item, theta);
    }

    private double[] Activate(string layer, double[] x)
    {
        double[] slope = Vector($"{layer}.slope");
        if (_din.Activation == DinActivation.PRelu)
        {
            return [.. x.Zip(slope, (value, s) => Math.Max(value, 0) + (s * Math.Min(value, 0)))];
        }

        double[] mean = Vector($"{layer}.mean");
        double[] variance = Vector($"{layer}.variance");
        return
        [
            .. x.Select((value, i) =>
            {
                double gate = 1 / (1 + Math.Exp(-(value - mean[i]) / Math.Sqrt(variance[i] + 1e-8)));
                return (gate * value) + ((1 - gate) * slope[i] * value);
            }),
        ];
    }
}
