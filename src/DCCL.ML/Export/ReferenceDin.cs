using DCCL.ML.Model;

namespace DCCL.ML.Export;

/// <summary>A Deep Interest Network, straight from <see cref="DinArchitecture"/>'s equations.</summary>
internal sealed class ReferenceDin(DeviceCloudModelParameters parameters, DinArchitecture architecture) : IReferenceNetwork
{
    private readonly ReferenceTensors _tensors = new(parameters);

    public double[] GetFirstActivation(long item, ReadOnlySpan<long> history, ReadOnlySpan<float> profile)
    {
        int d = architecture.EmbeddingDimension;
        double[] target = _tensors.Row("item.embedding", (int)item, d);
        double[] mean = new double[d];
        List<double[]> keys = [];
        for (int j = 0; j < history.Length; j++)
        {
            if (history[j] > 0)
            {
                double[] embedding = _tensors.Row("item.embedding", (int)history[j], d);
                double[] key = _tensors.Row("recency.embedding", j, d);
                ReferenceTensors.AddTo(key, embedding, 1);
                keys.Add(key);
                ReferenceTensors.AddTo(mean, embedding, 1);
            }
        }

        double[] pooled = new double[d];
        double[] weights = GetWeights([.. keys.Select(key => GetAttention(key, target))]);
        for (int j = 0; j < keys.Count; j++)
        {
            ReferenceTensors.AddTo(pooled, keys[j], weights[j]);
        }

        List<double> input = [.. pooled, .. target, .. pooled.Zip(target, (p, t) => p * t), .. mean.Select(sum => sum / Math.Max(1, keys.Count))];
        foreach (float value in profile)
        {
            input.Add(value);
        }

        return Forward(0, [.. input]);
    }

    public double[] Forward(int layer, double[] input)
    {
        double[] output = _tensors.Linear($"hidden.{layer}", input, architecture.HiddenLayerSizes[layer]);
        Activate($"hidden.{layer}", output);
        return output;
    }

    public double[] GetLogitTerms(double[] activation)
    {
        double[] weights = _tensors.Row("output.weight", 0, activation.Length);
        return [.. activation.Zip(weights, (z, w) => z * w), .. _tensors.Row("output.bias", 0, 1)];
    }

    // s_j = w . act(k_j W_history + t W_target + (k_j * t) W_product + b) + b'
    private double GetAttention(double[] key, double[] target)
    {
        double[] unit = _tensors.Row("attention.bias", 0, architecture.ActivationUnitSize);
        _tensors.MultiplyTo(unit, key, "attention.history.weight");
        _tensors.MultiplyTo(unit, target, "attention.target.weight");
        _tensors.MultiplyTo(unit, [.. key.Zip(target, (k, t) => k * t)], "attention.product.weight");
        Activate("attention", unit);
        double[] weight = _tensors.Row("attention.output.weight", 0, unit.Length);
        return unit.Zip(weight, (x, w) => x * w).Sum() + parameters["attention.output.bias"].Span[0];
    }

    private double[] GetWeights(double[] scores) =>
        architecture.AttentionWeights != AttentionWeights.Softmax || scores.Length == 0 ? scores : ReferenceTensors.Softmax(scores);

    private void Activate(string layer, double[] x)
    {
        ReadOnlySpan<float> slope = parameters[$"{layer}.slope"].Span;
        for (int i = 0; i < x.Length; i++)
        {
            if (architecture.Activation == DinActivation.Dice)
            {
                double mean = parameters[$"{layer}.mean"].Span[i];
                double variance = parameters[$"{layer}.variance"].Span[i];
                double gate = 1 / (1 + Math.Exp(-(x[i] - mean) / Math.Sqrt(variance + 1e-8)));
                x[i] *= gate + ((1 - gate) * slope[i]);
            }
            else
            {
                x[i] *= x[i] > 0 ? 1 : slope[i];
            }
        }
    }
}
