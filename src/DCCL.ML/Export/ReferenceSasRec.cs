using DCCL.ML.Model;

namespace DCCL.ML.Export;

/// <summary>A SASRec, straight from <see cref="SasRecArchitecture"/>'s equations.</summary>
internal sealed class ReferenceSasRec(DeviceCloudModelParameters parameters, SasRecArchitecture architecture) : IReferenceNetwork
{
    private const double NormEpsilon = 1e-5;

    private readonly ReferenceTensors _tensors = new(parameters);
    private readonly int _dimension = architecture.EmbeddingDimension;

    public double[] GetFirstActivation(long item, ReadOnlySpan<long> history, ReadOnlySpan<float> profile)
    {
        double scale = Math.Sqrt(_dimension);
        double[][] x = new double[history.Length][];
        bool[] isKnown = new bool[history.Length];
        for (int j = 0; j < x.Length; j++)
        {
            isKnown[j] = history[j] > 0;
            x[j] = isKnown[j] ? Array.ConvertAll(_tensors.Row("item.embedding", (int)history[j], _dimension), value => scale * value) : new double[_dimension];
        }

        for (int block = 0; block < architecture.NumberOfBlocks; block++)
        {
            double[][] norm = Array.ConvertAll(x, row => Norm($"block.{block}.attention", row));
            double[][] attended = [.. x.Select((row, i) => Sum(row, Attend($"block.{block}.attention", i, norm, isKnown)))];
            x = Array.ConvertAll(attended, row => Sum(row, FeedForward($"block.{block}.forward", row)));
        }

        double[] user = x[0];
        if (architecture.ProfileDimension > 0)
        {
            double[] values = [.. profile.ToArray().Select(value => (double)value)];
            _tensors.MultiplyTo(user, values, "profile.weight");
        }

        return [.. Norm("user", user), .. _tensors.Row("item.embedding", (int)item, _dimension).Select(value => scale * value)];
    }

    public double[] Forward(int layer, double[] input) => throw new NotSupportedException($"A SASRec has one patchable layer, 0, and no layer {layer}.");

    public double[] GetLogitTerms(double[] activation)
    {
        double scale = 1 / Math.Sqrt(_dimension);
        return [.. Enumerable.Range(0, _dimension).Select(k => scale * activation[k] * activation[_dimension + k]), .. _tensors.Row("output.bias", 0, 1)];
    }

    // Event i looks at itself and at what came before it, which are the places from i on: the most recent comes first.
    private double[] Attend(string layer, int i, double[][] norm, bool[] isKnown)
    {
        int size = _dimension / architecture.NumberOfHeads;
        double[] query = _tensors.Linear($"{layer}.query", norm[i], _dimension);
        double[] found = new double[_dimension];
        int[] seen = [.. Enumerable.Range(i, norm.Length - i).Where(j => isKnown[j])];
        double[][] keys = [.. seen.Select(j => Product($"{layer}.key", norm[j]))];
        double[][] values = [.. seen.Select(j => _tensors.Linear($"{layer}.value", norm[j], _dimension))];
        for (int head = 0; head < architecture.NumberOfHeads && seen.Length > 0; head++)
        {
            double[] distances = _tensors.Row($"{layer}.distance", head, architecture.HistoryLength);
            Range own = (head * size)..((head + 1) * size);
            double[] scores = [.. seen.Select((j, n) => (Dot(query[own], keys[n][own]) / Math.Sqrt(size)) + distances[j - i])];
            double[] weights = ReferenceTensors.Softmax(scores);
            for (int n = 0; n < seen.Length; n++)
            {
                for (int k = 0; k < size; k++)
                {
                    found[(head * size) + k] += weights[n] * values[n][(head * size) + k];
                }
            }
        }

        return _tensors.Linear($"{layer}.output", found, _dimension);
    }

    private double[] FeedForward(string layer, double[] x)
    {
        double[] hidden = _tensors.Linear($"{layer}.hidden", Norm(layer, x), architecture.FeedForwardSize);
        return _tensors.Linear($"{layer}.output", Array.ConvertAll(hidden, value => Math.Max(0, value)), _dimension);
    }

    private double[] Product(string layer, double[] x)
    {
        double[] result = new double[_dimension];
        _tensors.MultiplyTo(result, x, $"{layer}.weight");
        return result;
    }

    private double[] Norm(string layer, double[] x)
    {
        double mean = x.Average();
        double variance = x.Average(value => (value - mean) * (value - mean));
        double[] scale = _tensors.Row($"{layer}.norm.scale", 0, x.Length);
        double[] shift = _tensors.Row($"{layer}.norm.shift", 0, x.Length);
        return [.. x.Select((value, k) => ((value - mean) / Math.Sqrt(variance + NormEpsilon) * scale[k]) + shift[k])];
    }

    private static double[] Sum(double[] left, double[] right) => [.. left.Zip(right, (x, y) => x + y)];

    private static double Dot(double[] left, double[] right) => left.Zip(right, (x, y) => x * y).Sum();
}
